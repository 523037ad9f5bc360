"""The container images that a platform offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._sansio import responses, validation
from skaha.results import Outcome, ResultList

if TYPE_CHECKING:
    from skaha.models import KINDS, ImageRecord

__all__ = ["AsyncImages"]


class AsyncImages(AsyncService):
    """The public images of a platform.

    Constructed like `skaha.client.SkahaClient`; see there for the arguments.

    Example:
        >>> from skaha import AsyncImages
        >>> async with AsyncImages(server="local") as images:
        ...     print(await images.repositories())
        ['images.canfar.net']
    """

    async def fetch(self, kind: KINDS | None = None) -> list[str]:
        """List the platform's public images.

        Any image of the platform's registries can be launched, whether it is listed or not.

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
        """List the platform's public images with all that it says of them.

        Args:
            kind: Keep the images that are labelled for this kind of session.

        Returns:
            The platform's own JSON; `id`, `types` and `digest` of each, in no promised order.

        Raises:
            skaha.errors.InvalidInputError: If `kind` is not a known word.

        Example:
            >>> from skaha import AsyncImages
            >>> images = AsyncImages(server="local")
            >>> sorted((await images.details())[0])
            ['digest', 'id', 'types']
        """
        validation.check_kinds(kind)
        request = _requests.list_images(kind)
        images = await self._send("images", request, responses.json_objects)
        return ResultList(cast("list[ImageRecord]", images), Outcome())

    async def repositories(self) -> list[str]:
        """List the registries that images may come from.

        Returns:
            Host names, in the platform's order.

        Example:
            >>> from skaha import AsyncImages
            >>> images = AsyncImages(server="local")
            >>> await images.repositories()
            ['images.canfar.net']
        """
        request = _requests.list_repositories()
        return await self._send("repositories", request, responses.json_words)
