"""Conversion of async source code to the sync source code that a person would write."""

from __future__ import annotations

import re

# Patterns and their replacements, applied in this order. Each pattern must be needed.
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
    """Return the sync counterpart of async source code."""
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    return source


def unused_rules(sources: list[str]) -> list[str]:
    """Return the patterns that change none of the sources."""
    return [
        pattern
        for pattern, replacement in RULES
        if all(re.sub(pattern, replacement, source) == source for source in sources)
    ]
