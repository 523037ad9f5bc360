"""What is to be launched: one form, told apart replica by replica."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Order:
    """The fields that all replicas share, and what each is told of itself.

    Its `repr` shows none of it: the variables may be secrets.
    """

    def __init__(
        self,
        form: dict[str, Any],
        variables: dict[str, str],
        names: list[str],
        before: set[str] | None,
    ) -> None:
        """Take the shared fields, the environment, the names, and the ids that were there."""
        self.names = names
        self.before = before
        self.kind: str = form["kind"]
        self._form = form
        self._variables = variables
        self._total = len(names)

    def of(self, names: list[str], lost: AbstractSet[str]) -> Self:
        """Return the part of this order that is about these names.

        Args:
            names: The names.
            lost: Ids of sessions that have such names already, and do not count.
        """
        part = copy.copy(self)
        part.names = names
        part.before = None if self.before is None else self.before | lost
        return part

    def form_of(self, name: str) -> dict[str, Any]:
        """Return the whole form of the replica with this name."""
        number = name.rpartition("-")[2]
        told = self._variables | {"REPLICA_ID": number, "REPLICA_COUNT": str(self._total)}
        return self._form | {"name": name, "env": [f"{key}={value}" for key, value in told.items()]}
