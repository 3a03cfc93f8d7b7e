"""Ids, seeds and times, as a run writes them down. Hashes are the only source of ids and of randomness in a run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime


def derive_seed(*parts: object) -> int:
    """A number in [0, 2**63) that depends on the texts of the parts alone."""
    return int.from_bytes(_digest(parts)[:8]) >> 1


def derive_id(*parts: object) -> str:
    """Sixteen hexadecimal digits that depend on the texts of the parts alone."""
    return _digest(parts).hex()[:16]


def now() -> str:
    """The time in ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _digest(parts: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
