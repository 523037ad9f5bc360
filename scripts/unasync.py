"""Turns async source into the sync source that a person would have written beside it."""

from __future__ import annotations

import re

# In this order: each pattern, and what takes its place. Every one of them must be needed.
RULES = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsyncByteStream\b", "SyncByteStream"),
    (r"\bAsync([A-Z]\w*)", r"\1"),
    (r"_async_", "_"),
    (r"\b_async\b", "_sync"),
    (r"\.asyncio(_detailed)?\(", r".sync\1("),
    (r"__a(enter|exit|iter)__", r"__\1__"),
    (r"\ba(close|read|iter_bytes|iter_stream)\b", r"\1"),
]


def to_sync(source: str) -> str:
    """Return the sync twin of async `source`."""
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    return source


def unused_rules(sources: list[str]) -> list[str]:
    """Return the patterns that change nothing in any of `sources`."""
    return [
        pattern
        for pattern, replacement in RULES
        if all(re.sub(pattern, replacement, source) == source for source in sources)
    ]
