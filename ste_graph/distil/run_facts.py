"""The facts of a run's trials. Each takes half a millisecond: those of many trials are kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from ste_graph.contracts import Json
from ste_graph.distil.facts import TrialFacts, read_run_facts
from ste_graph.errors import SteError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.cache import cache_folder
from ste_graph.json_values import digest

KEPT_FROM: Final = 2_000
"""The trials from which on the facts are kept."""
_PACKAGES: Final = ("contracts", "distil", "tools", "trials")
"""The folders whose code decides about facts."""


class RunFacts:
    """The facts of trials of a run; `keep` makes the next reader's work short.

    What is kept counts for the same record under the same definitions of the tools and the same code.
    """

    def __init__(self, run: str, lock: Mapping[str, Json]) -> None:
        self._lock = lock
        self._file = cache_folder("facts") / f"{run}.json"
        self._known: dict[str, int] | None = None
        self._new = 0

    def of(self, trial: Mapping[str, Json]) -> TrialFacts:
        """The facts of a trial, a line of the run's journal."""
        if self._known is None:
            self._known = self._read()
        key = f"{trial.get('id')} {trial.get('ended')}"
        bits = self._known.get(key)
        if bits is None:
            facts = read_run_facts(trial, self._lock)
            self._known[key] = facts.call_succeeded | facts.last_call_succeeded << 1 | facts.grounded << 2
            self._new += 1
            return facts
        return TrialFacts.model_construct(
            solved=trial.get("solved"),
            call_succeeded=bool(bits & 1),
            last_call_succeeded=bool(bits & 2),
            grounded=bool(bits & 4),
        )

    def keep(self) -> None:
        """Keep the facts found, if there are many; a cache that cannot be written is not a problem."""
        if self._known is None or len(self._known) < KEPT_FROM or not self._new:
            return
        with suppress(OSError, SteError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps({"mark": self._mark, "facts": self._known}))
            self._new = 0

    @property
    def _mark(self) -> str:
        tools = {name: self._lock.get(name, {}) for name in ("schemas", "descriptions")}
        return digest([tools, _code_digest()])

    def _read(self) -> dict[str, int]:
        try:
            kept = json.loads(self._file.read_text("utf-8"))
            return dict(kept["facts"]) if kept["mark"] == self._mark else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


@cache
def _code_digest() -> str:
    """A hash of the code that decides about facts."""
    home = Path(__file__).parents[1]
    found = hashlib.sha256()
    for file in sorted(file for package in _PACKAGES for file in (home / package).rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()
