# Made from skaha/_async/images.py by scripts/regenerate.py: edit that one.
"""The container images that a platform offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha import _requests
from skaha._sansio import responses, validation
from skaha._sync._base_client import Service
from skaha.results import Outcome, ResultList

if TYPE_CHECKING:
    from skaha.models import KINDS, ImageRecord

__all__ = ["Images"]


class Images(Service):
    """The public images of a platform.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import Images
        >>> with Images(server="local") as images:
        ...     print(images.repositories())
        ['images.canfar.net']
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
        return [image["id"] for image in self.details(kind) if image.get("id")]

    def details(self, kind: KINDS | None = None) -> ResultList[ImageRecord]:
        """List the platform's public images with all that it says of them.

        Args:
            kind: Keep the images that are labelled for this kind of session.

        Returns:
            The platform's own JSON; `id`, `types` and `digest` of each, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If `kind` is not a known word.

        Example:
            >>> from skaha import Images
            >>> images = Images(server="local")
            >>> sorted((images.details())[0])
            ['digest', 'id', 'types']
        """
        validation.check_kinds(kind)
        request = _requests.list_images(kind)
        images = self._send("images", request, responses.json_objects)
        return ResultList(cast("list[ImageRecord]", images), Outcome())

    def repositories(self) -> list[str]:
        """List the registries that images may come from.

        Returns:
            Host names, in the platform's order.

        Example:
            >>> from skaha import Images
            >>> images = Images(server="local")
            >>> images.repositories()
            ['images.canfar.net']
        """
        request = _requests.list_repositories()
        return self._send("repositories", request, responses.json_words)
