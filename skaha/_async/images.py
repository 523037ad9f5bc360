"""Container images of a platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha._async._base_client import AsyncBaseClient
from skaha._sansio.responses import OBJECTS, TEXTS, records_of, texts_of
from skaha._sansio.tracebacks import short_tracebacks
from skaha._sansio.validation import check_one_kind
from skaha.results import Outcome, ResultList

if TYPE_CHECKING:
    from skaha.models import KINDS, ImageRecord

__all__ = ["AsyncImages"]


@short_tracebacks
class AsyncImages(AsyncBaseClient):
    """The public images of a platform.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import AsyncImages
        >>> async with AsyncImages(server="local") as images:
        ...     print(await images.repositories())
        ['images.canfar.net']
    """

    async def fetch(self, kind: KINDS | None = None) -> list[str]:
        """List the public images of the platform.

        Any image in the registries of the platform can be launched, even if it is not listed.

        Args:
            kind: Keep the images that are labelled for this kind of session.

        Returns:
            The full reference of each image, ready for `create`, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If `kind` is not a known word.

        Example:
            >>> from skaha import AsyncImages
            >>> images = AsyncImages(server="local")
            >>> "images.canfar.net/skaha/terminal:1.1.2" in await images.fetch(kind="headless")
            True
        """
        return [image["id"] for image in await self.details(kind) if image.get("id")]

    async def details(self, kind: KINDS | None = None) -> ResultList[ImageRecord]:
        """List the public images of the platform with all their fields.

        Args:
            kind: Keep the images that are labelled for this kind of session.

        Returns:
            The records of the platform, with `id`, `types` and `digest`, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If `kind` is not a known word.

        Example:
            >>> from skaha import AsyncImages
            >>> images = AsyncImages(server="local")
            >>> sorted((await images.details())[0])
            ['digest', 'id', 'types']
        """
        from skaha_api.api.image import list_images
        from skaha_api.types import UNSET

        checked = check_one_kind(kind)
        with self._request("images", expected=OBJECTS):
            images = records_of(await list_images.asyncio(client=self.api, type_=checked or UNSET))
        return ResultList(cast("list[ImageRecord]", images), Outcome())

    async def repositories(self) -> list[str]:
        """List the registries that images may come from.

        Returns:
            Host names, in the order of the platform.

        Example:
            >>> from skaha import AsyncImages
            >>> images = AsyncImages(server="local")
            >>> await images.repositories()
            ['images.canfar.net']
        """
        from skaha_api.api.repository import list_repositories

        with self._request("repositories", expected=TEXTS):
            return texts_of(await list_repositories.asyncio(client=self.api))
