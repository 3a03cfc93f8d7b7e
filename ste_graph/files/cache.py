"""The user's cache: what can always be made again, kept to save time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """The folder `name` of the cache, below `STE_CACHE` or else `~/.cache/ste-graph`; it may not exist yet."""
    return Path(os.environ.get("STE_CACHE") or "~/.cache/ste-graph").expanduser() / name
