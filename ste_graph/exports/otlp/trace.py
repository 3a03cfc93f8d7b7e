"""The trace of a run: its files, read as far as they go, as spans. Read again, it gives what has come since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.exports.otlp import conventions as names
from ste_graph.exports.otlp.span import TraceSpan, Value, derive_trace_id
from ste_graph.exports.otlp.steps import SpanFacts
from ste_graph.exports.otlp.unit import UnitSpans
from ste_graph.files.jsonl import scan_lines
from ste_graph.run.folder import LOCK_FILE, SUB_RUNS, RunFolder
from ste_graph.run.lock_file import run_id
from ste_graph.run.summary import resolve_labels

Positions = dict[str, int]
"""The extent of a trace already read: bytes of each log, by its path in it; 1 for a part whose own span is over."""


class RunTrace:
    """The spans of a run and of its parts: what is inside a span comes before it. One reader at a time.

    `sent` are positions up to which spans are left out, as a collector has them.
    """

    def __init__(self, folder: Path, *, content: bool, sent: Mapping[str, int] | None = None) -> None:
        self._folder = folder
        self._content = content
        self._sent = dict(sent or {})
        self._parts: dict[str, _PartTrace] = {}
        self._run = ""

    @property
    def trace_id(self) -> int:
        """The id of the trace. Only after a first `read` of a run that has begun."""
        return derive_trace_id(self._run)

    @property
    def positions(self) -> Positions:
        """The positions up to which it was read."""
        return {name: at for part in self._parts.values() for name, at in part.positions.items()}

    def read(self) -> Iterator[TraceSpan]:
        """The spans that have ended since it was read last. Raises `WorkflowError` where a file is damaged."""
        self._find_parts()
        for part in sorted(self._parts.values(), key=lambda part: -part.depth):
            yield from part.read(self._sent)

    def close(self) -> Iterator[TraceSpan]:
        """The spans that have begun and not ended, closed where the files end."""
        for part in sorted(self._parts.values(), key=lambda part: -part.depth):
            yield from part.close()

    def _find_parts(self) -> None:
        folders = [self._folder]
        if (inner := self._folder / SUB_RUNS).is_dir():
            folders += [lock.parent for lock in sorted(inner.rglob(LOCK_FILE), key=lambda lock: len(lock.parts))]
        for folder in folders:
            path = folder.relative_to(self._folder).as_posix()
            if path in self._parts:
                continue
            lock = RunFolder(folder).read_lock()
            if lock is None:
                return  # the run has not begun
            self._run = self._run or run_id(lock)
            self._parts[path] = _PartTrace(folder, path, lock, self._run, self._parent_of(path), self._content)

    def _parent_of(self, path: str) -> int | None:
        """The span of the step that runs a part: `runs/STEP` or `runs/UNIT/STEP`, in the folder of another part."""
        if path == ".":
            return None
        head, _, step = path.rpartition("/")
        for outer, part in sorted(self._parts.items(), key=lambda item: -len(item[0])):
            if outer != "." and not head.startswith(f"{outer}/"):
                continue
            inner = head if outer == "." else head.removeprefix(f"{outer}/")
            if inner == SUB_RUNS and part.only_unit is not None:
                return part.facts.span_id(part.only_unit, "step", step)
            folder, _, unit = inner.rpartition("/")
            if folder == SUB_RUNS:
                return part.facts.span_id(unit, "step", step)
        return self._parts["."].id


class _PartTrace:
    """The spans of a run, or of one part of it."""

    def __init__(
        self, folder: Path, path: str, lock: Mapping[str, Json], run: str, parent: int | None, content: bool
    ) -> None:
        workflow: Mapping[str, Json] = lock["resolved"]["workflow"]
        self.facts = SpanFacts(
            run=run,
            part=path,
            models=workflow.get("models") or {},
            labels=resolve_labels(folder, lock.get("models", {})),
            content=content,
        )
        self.id = self.facts.span_id("run")
        self.depth = path.count("/")
        self._path = path
        self._lock = lock
        self._parent = parent
        files = RunFolder(folder)
        kind = _unit_kind(workflow)
        parallel = frozenset(_parallel_loops(workflow.get("graph")))
        self._logs = {unit: files.step_log(unit) for unit in lock["units"]}
        self._units = {
            unit: UnitSpans(self.facts, unit, log.stem, kind or "unit", self.id, parallel)
            for unit, log in self._logs.items()
        }
        self.only_unit = next(iter(self._logs.values())).stem if kind is None and self._logs else None
        self.positions: Positions = {}
        self._ended = False

    def read(self, sent: Mapping[str, int]) -> Iterator[TraceSpan]:
        for unit, log in self._logs.items():
            name = f"{self._path}/units/{log.name}"
            known = sent.get(name, 0)
            for line, end in scan_lines(log, self.positions.get(name, 0)):
                spans = self._units[unit].feed(_decode(line, log))
                if end > known:
                    yield from spans
                self.positions[name] = end
        if not self._ended and self._units and all(unit.done for unit in self._units.values()):
            self._ended = True
            if not sent.get(self._path):
                yield from self._own_span()
            self.positions[self._path] = 1

    def close(self) -> Iterator[TraceSpan]:
        if self._ended:
            return
        for unit in self._units.values():
            if not unit.done:
                yield from unit.close()
        yield from self._own_span()

    def _own_span(self) -> Iterator[TraceSpan]:
        times = [bounds for unit in self._units.values() if (bounds := unit.bounds) is not None]
        if not times:
            return
        workflow = self._lock["resolved"]["workflow"]
        attributes: dict[str, Value] = {
            names.OPERATION: names.INVOKE_WORKFLOW,
            names.WORKFLOW: str(workflow["name"]),
            "ste.run.id": run_id(self._lock),
            "ste.units": len(self._units),
            "ste.units.done": sum(unit.done for unit in self._units.values()),
        }
        for key in ("variant", "seed"):
            if workflow.get(key) is not None:
                attributes[f"ste.{key}"] = workflow[key]
        if self._lock.get("dry_run"):
            attributes["ste.dry_run"] = True
        start, end = min(start for start, _ in times), max(end for _, end in times)
        yield TraceSpan(self.id, self._parent, f"{names.INVOKE_WORKFLOW} {workflow['name']}", start, end, attributes)


def _unit_kind(workflow: Mapping[str, Json]) -> str | None:
    """The name of the top-level `map`, whose items are the units; None where the run is one unit."""
    blocks = workflow.get("graph") or ()
    return next((str(block["map"]) for block in blocks if isinstance(block, Mapping) and "map" in block), None)


def _parallel_loops(block: Json) -> Iterator[str]:
    """The loops whose passes run side by side."""
    if isinstance(block, Mapping):
        if "parallel" in block:
            yield str(block.get("repeat") or block.get("map"))
        for value in block.values():
            yield from _parallel_loops(value)
    elif isinstance(block, list):
        for value in block:
            yield from _parallel_loops(value)


def _decode(line: bytes, log: Path) -> Mapping[str, Json]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise WorkflowError(f"{log}: has a line that is damaged")
    return value
