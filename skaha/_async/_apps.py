"""Applications on desktops."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha import _requests
from skaha._async._base_client import AsyncService
from skaha._sansio import responses, validation
from skaha.records import matching
from skaha.results import Outcome, ResultList

if TYPE_CHECKING:
    from collections.abc import Collection

    from skaha.models import STATUS, SessionRecord


class AsyncApps(AsyncService):
    """The part of a session class that handles apps of desktops."""

    async def apps(
        self, desktop: str | None = None, status: STATUS | Collection[STATUS] | None = None
    ) -> ResultList[SessionRecord]:
        """List the caller's desktop apps.

        Args:
            desktop: Only the apps of the desktop with this id.
            status: Only apps with this status, or one of these.

        Returns:
            The apps as the platform tells them; `id` is the desktop's, `appid` the app's own.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.apps()
            []
        """
        statuses = validation.check_statuses(status)
        # The platform lists the apps of all desktops, whichever one it is asked about.
        asked = validation.check_ids(desktop)[0] if desktop is not None else "any"
        request = _requests.list_desktop_apps(asked)
        apps = matching(await self._send("apps", request, responses.json_objects), None, statuses)
        chosen = [app for app in apps if desktop is None or app.get("id") == desktop]
        return ResultList(cast("list[SessionRecord]", chosen), Outcome())

    async def attach_app(
        self, desktop: str, image: str, cores: float | None = None, ram: float | None = None
    ) -> str:
        """Start an app on a desktop.

        Args:
            desktop: Id of the desktop session, which must be there already.
            image: Full reference of the image, `host/project/name:tag`.
            cores: CPU cores, one of the platform's options; `None` leaves it to the platform.
            ram: Memory in GiB, one of the platform's options; `None` leaves it to the platform.

        Returns:
            The app's own id.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong.
            skaha.errors.NotFoundError: If there is no such desktop.

        Example:
            >>> from skaha import AsyncSession, errors
            >>> session = AsyncSession(server="local")
            >>> try:
            ...     await session.attach_app("hjko98yg", "images.canfar.net/skaha/terminal:1.1.2")
            ... except errors.NotFoundError as error:
            ...     print(error.text.strip())
            session hjko98yg not found
        """
        [session_id] = validation.check_ids(desktop)
        validation.check_amount("cores", cores)
        validation.check_amount("ram", ram)
        validation.check_text("image", image)
        request = _requests.attach_desktop_app(session_id, image=image, cores=cores, ram=ram)
        return await self._send(f"app on {session_id}", request, responses.new_id)

    async def app_info(self, desktop: str, app: str) -> SessionRecord:
        """Read one desktop app.

        Args:
            desktop: Id of the desktop session.
            app: The app's own id.

        Returns:
            The app as the platform tells it.

        Raises:
            skaha.errors.InvalidInputError: If an argument cannot be an id.
            skaha.errors.NotFoundError: If there is no such app.

        Example:
            >>> from skaha import AsyncSession, errors
            >>> session = AsyncSession(server="local")
            >>> try:
            ...     await session.app_info("hjko98yg", "k4b")
            ... except errors.NotFoundError as error:
            ...     print(error.status)
            404
        """
        [session_id], [app_id] = validation.check_ids(desktop), validation.check_ids(app)
        request = _requests.get_desktop_app(session_id, app_id)
        subject = f"info of app {app_id} on {session_id}"
        return cast("SessionRecord", await self._send(subject, request, responses.json_object))

    async def destroy_app(self, desktop: str, app: str) -> None:
        """End one desktop app; the platform takes any id, whether there is such an app or not.

        Args:
            desktop: Id of the desktop session.
            app: The app's own id.

        Raises:
            skaha.errors.InvalidInputError: If an argument cannot be an id.

        Example:
            >>> from skaha import AsyncSession
            >>> session = AsyncSession(server="local")
            >>> await session.destroy_app("hjko98yg", "k4b")
        """
        [session_id], [app_id] = validation.check_ids(desktop), validation.check_ids(app)
        request = _requests.delete_desktop_app(session_id, app_id)
        await self._send(f"destroy of app {app_id} on {session_id}", request, responses.plain_text)
