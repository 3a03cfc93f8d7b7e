"""Long sequences, a part at a time."""

from __future__ import annotations


def slices(count: int, size: int) -> list[slice]:
    """The slices that cut `count` items into parts of `size`, the last one of what is left."""
    return [slice(start, start + size) for start in range(0, count, size)]
