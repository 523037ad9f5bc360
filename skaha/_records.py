"""What a platform's record of a session says."""

from __future__ import annotations

from typing import Any

SUCCESS = ("Succeeded", "Completed")


def matching(
    records: list[dict[str, Any]], kind: str | None, status: str | None
) -> list[dict[str, Any]]:
    """Return the records of this kind and status; `None` is any."""
    statuses = SUCCESS if status in SUCCESS else (status,)
    return [
        record
        for record in records
        if (kind is None or record.get("type") == kind)
        and (status is None or record.get("status") in statuses)
    ]
