"""Hashes: the only source of ids and of randomness in a run."""

from __future__ import annotations

import hashlib


def seed_of(*parts: object) -> int:
    """A number in [0, 2**63) that depends on the parts alone."""
    return int.from_bytes(_digest(parts)[:8]) >> 1


def id_of(*parts: object) -> str:
    """Sixteen hexadecimal digits that depend on the parts alone."""
    return _digest(parts).hex()[:16]


def _digest(parts: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
