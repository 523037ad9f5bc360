# Made from skaha/_async/images.py by scripts/regenerate.py: edit that one.
"""The container images that a platform offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha import _answers, _checks, _requests
from skaha._sync._service import Service

if TYPE_CHECKING:
    from skaha.models import KINDS

__all__ = ["Images"]


class Images(Service):
    """The public images of a platform.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.
    """

    def fetch(self, kind: KINDS | None = None) -> list[str]:
        """List the platform's public images.

        Any image of the platform's registries can be launched, whether it is listed or not.

        Args:
            kind: Keep the images that are labelled for this kind of session.

        Returns:
            The full reference of each image, ready for `create`, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If `kind` is not a known word.

        Example:
            >>> from skaha import Images
            >>> images = Images(server="local")
            >>> "images.canfar.net/skaha/terminal:1.1.2" in images.fetch(kind="headless")
            True
        """
        _checks.check_kinds(kind)
        answer = self._send("images", _requests.list_images(kind))
        return [image["id"] for image in _answers.json_objects(answer) if image.get("id")]
