# Made from skaha/_async/_ending.py by scripts/regenerate.py: edit that one.
"""Ending sessions: by id, or by the beginning of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skaha import _answers, _checks, _requests
from skaha._sync._reading import Reading
from skaha._sync._spelling import also_as_id
from skaha.results import ResultDict, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skaha.models import KINDS, STATUS


class Ending(Reading):
    """The part of a session class that ends sessions."""

    @also_as_id
    def destroy(self, ids: str | Sequence[str]) -> ResultDict[bool]:
        """End sessions and forget them.

        Args:
            ids: One id or several.

        Returns:
            Whether the platform took each, by id; `False` for what is not there or not yours, as
            far as the platform says so: newer ones take any id. `failures` says why.

        Raises:
            skaha.errors.InvalidInputError: If one of `ids` cannot be an id.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> session.destroy(["hjko98yg", "ikvp1jtp"])
            {'hjko98yg': True, 'ikvp1jtp': True}
        """
        wanted = _checks.check_ids(ids)

        def delete(session_id: str) -> bool:
            request = _requests.delete_session(session_id)
            _answers.plain_text(self._send(f"destroy of {session_id}", request))
            return True

        done = self._send_many(delete, wanted)
        return settled(ResultDict({key: key in done.values for key in wanted}, done), done)

    def destroy_with(
        self, prefix: str, kind: KINDS = "headless", status: STATUS = "Succeeded"
    ) -> ResultDict[bool]:
        """End the sessions whose names begin with a prefix.

        Args:
            prefix: Beginning of the names, letter by letter; never a pattern. The platform stores
                names in lower case.
            kind: Only sessions of this kind.
            status: Only sessions with this status; `Succeeded` and `Completed` mean the same.

        Returns:
            As `destroy`, for the sessions that matched.

        Raises:
            skaha.errors.InvalidInputError: If an argument is wrong, or `prefix` is empty.

        Example:
            >>> from skaha import Session
            >>> session = Session(server="local")
            >>> session.destroy_with("nothing-like-this", status="Running")
            {}
        """
        _checks.check_text("prefix", prefix)
        records = self.fetch(kind=kind, status=status)
        named = [record for record in records if record.get("name", "").startswith(prefix)]
        return self.destroy([record["id"] for record in named])
