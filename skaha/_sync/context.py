# Generated from skaha/_async/context.py by scripts/regenerate.py. Edit that file instead.
"""Resources that a session may request."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from skaha._sansio.responses import OBJECT, record_of
from skaha._sync._base_client import BaseClient
from skaha.results import Outcome, ResultDict

if TYPE_CHECKING:
    from skaha.models import ContextRecord

__all__ = ["Context"]


class Context(BaseClient):
    """The resources that a platform offers.

    The arguments are those of `skaha.client.SkahaClient`.

    Example:
        >>> from skaha import Context
        >>> with Context(server="local") as context:
        ...     print(sorted(context.resources()))
        ['cores', 'gpus', 'maxInteractiveSessions', 'memoryGB']
    """

    def resources(self) -> ContextRecord:
        """Read the resources that a session may request.

        Returns:
            The record of the platform. For cores, memory (GiB) and GPUs it has the allowed
            `options` and the defaults.

        Example:
            >>> from skaha import Context
            >>> context = Context(server="local")
            >>> 2 in (context.resources())["cores"]["options"]
            True
        """
        from skaha_api.api.context import get_context

        with self._request("resources", expected=OBJECT):
            record = record_of(get_context.sync(client=self.api))
        return cast("ContextRecord", ResultDict(record, Outcome()))
