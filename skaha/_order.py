"""What is to be launched: one form, told apart replica by replica."""

from __future__ import annotations

from typing import Any, NamedTuple


class Order(NamedTuple):
    """The fields that all replicas share, and what each is told of itself."""

    form: dict[str, Any]
    variables: dict[str, str]
    total: int

    def form_of(self, name: str) -> dict[str, Any]:
        """Return the whole form of the replica with this name."""
        number = name.rpartition("-")[2]
        told = self.variables | {"REPLICA_ID": number, "REPLICA_COUNT": str(self.total)}
        return self.form | {"name": name, "env": [f"{key}={value}" for key, value in told.items()]}
