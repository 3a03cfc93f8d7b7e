"""Garbage collection, which looks at every value that lives whenever some hundred were made: here it does so less."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

MOST_NEW: Final = 20_000
"""The containers that may be made before the collector looks at the new ones; 700 unless it is set."""

_lock = Lock()
_thresholds: list[tuple[int, int, int]] = []
"""The thresholds before each run that goes on in this process."""


def collect_rarely() -> None:
    """Makes the collector of this process look at new values only after many of them."""
    first, *others = gc.get_threshold()
    if 0 < first < MOST_NEW:  # 0: it is off
        gc.set_threshold(MOST_NEW, *others)


@contextmanager
def rare_collection() -> Iterator[None]:
    """A time in which the collector looks rarely: a run makes many values and keeps most of them."""
    with _lock:
        _thresholds.append(gc.get_threshold())
        collect_rarely()
    try:
        yield
    finally:
        with _lock:
            before = _thresholds[0]
            _thresholds.pop()
            if not _thresholds:
                gc.set_threshold(*before)


@contextmanager
def without_collector() -> Iterator[None]:
    """A time without garbage collection: it would look again and again at the many values that are read here."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
