# Generated from skaha/_async/images.py by scripts/regenerate.py. Edit that file instead.
"""Container images of a platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha._sansio.responses import OBJECTS, TEXTS, records_of, texts_of
from skaha._sansio.validation import check_kinds
from skaha._sync._base_client import BaseClient
from skaha.results import Outcome, ResultList

if TYPE_CHECKING:
    from skaha.models import KINDS, ImageRecord

__all__ = ["Images"]


class Images(BaseClient):
    """The public images of a platform.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import Images
        >>> with Images(server="local") as images:
        ...     print(images.repositories())
        ['images.canfar.net']
    """

    def fetch(self, kind: KINDS | None = None) -> list[str]:
        """List the public images of the platform.

        Any image in the registries of the platform can be launched, even if it is not listed.

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
        """List the public images of the platform with all their fields.

        Args:
            kind: Keep the images that are labelled for this kind of session.

        Returns:
            The records of the platform, with `id`, `types` and `digest`, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If `kind` is not a known word.

        Example:
            >>> from skaha import Images
            >>> images = Images(server="local")
            >>> sorted((images.details())[0])
            ['digest', 'id', 'types']
        """
        from skaha_api.api.image import list_images
        from skaha_api.types import UNSET

        check_kinds(kind)
        with self._request("images", expected=OBJECTS):
            images = records_of(list_images.sync(client=self.api, type_=kind or UNSET))
        return ResultList(cast("list[ImageRecord]", images), Outcome())

    def repositories(self) -> list[str]:
        """List the registries that images may come from.

        Returns:
            Host names, in the order of the platform.

        Example:
            >>> from skaha import Images
            >>> images = Images(server="local")
            >>> images.repositories()
            ['images.canfar.net']
        """
        from skaha_api.api.repository import list_repositories

        with self._request("repositories", expected=TEXTS):
            return texts_of(list_repositories.sync(client=self.api))
