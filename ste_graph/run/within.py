"""What the parts of a run share with it, and it with the run that it is a part of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from ste_graph.models.meter import Meter
from ste_graph.run.watching import Watcher


@dataclass(frozen=True, slots=True)
class Within:
    """The circumstances of one run."""

    folder: Path
    """Its own, as an absolute path."""
    meter: Meter
    in_flight: asyncio.Semaphore
    """The bound of model requests in flight, over the run and all its parts."""
    concurrency: int
    """Units side by side at most."""
    watcher: Watcher
    stop: asyncio.Event
    dry_run: bool
    first: bool
    """Whether it is a part of no other run."""
