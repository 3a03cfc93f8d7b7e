"""The spans of one unit, made from its log line by line: passes of loops, and the steps in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ste_graph.contracts import Json
from ste_graph.exports.otlp import conventions as names
from ste_graph.exports.otlp.span import SpanEvent, TraceSpan, Value, nanoseconds
from ste_graph.exports.otlp.steps import SpanFacts, make_step_spans
from ste_graph.ids import derive_id
from ste_graph.report.steps import split_key
from ste_graph.run.logs.logged_step import LoggedStep

Passes = tuple[tuple[str, str], ...]
"""The passes around a step, outermost first: the name of each loop and the number of its pass."""

_MOST_EVENTS: Final = 128
"""The most events of a span, as in OpenTelemetry's SDKs."""
_NAME: Final = re.compile(r"[\w.:/@+~-]{1,80}")


@dataclass
class _Open:
    """A span that has not ended."""

    start: int
    end: int
    events: list[SpanEvent] = field(default_factory=list)

    def add_event(self, event: SpanEvent) -> None:
        if len(self.events) < _MOST_EVENTS:
            self.events.append(event)


class UnitSpans:
    """The spans of one unit. Each line of its log gives those that end with it, the same however often it is read.

    A pass ends with its loop, or when the next one begins where passes do not run side by side (`parallel` names the
    loops where they do).
    """

    def __init__(
        self, facts: SpanFacts, unit: str, stem: str, kind: str, parent: int, parallel: frozenset[str]
    ) -> None:
        self._facts = facts
        self._stem = stem
        self._kind = kind
        # The name of a unit may be the whole text of an item, which is content.
        self._name = unit if facts.content or _NAME.fullmatch(unit) else f"#{derive_id(unit)[:8]}"
        self._parent = parent
        self._parallel = parallel
        self._open: dict[Passes, _Open] = {}
        self._closed: set[Passes] = set()
        self._unit: _Open | None = None
        self._error: str | None = None
        self.done = False

    @property
    def id(self) -> int:
        """The id of the unit's own span."""
        return self._facts.span_id(self._stem, "unit")

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The times between which it has steps; None before the first."""
        return None if self._unit is None else (self._unit.start, self._unit.end)

    def feed(self, line: Mapping[str, Json]) -> list[TraceSpan]:
        """The spans that end with a line of the log."""
        match line:
            case {"key": str(key)}:
                return self._add_step(key, LoggedStep.from_json(dict(line)))
            case {"after": str(key), "loops": list(loops)}:
                return self._end_loops(key, loops)
            case {"failed": str(why), "at": str(at)}:
                self._fail(why, nanoseconds(at))
            case {"done": str(at)}:
                self.done, self._error = True, None
                self._extend(nanoseconds(at))
                return self.close()
        return []

    def close(self) -> list[TraceSpan]:
        """The spans that are still open, closed where the log ends; none of a unit that never began."""
        if self._unit is None:
            return []
        passes = [self._close(each) for each in sorted(self._open, key=len, reverse=True)]
        unit, error = self._unit, self._error
        attributes = {"ste.unit": self._name, "ste.unit.kind": self._kind}
        if error is not None:
            attributes[names.ERROR_TYPE] = "unit_failed"
        name = f"{self._kind} {self._name}"
        return [
            *passes,
            TraceSpan(self.id, self._parent, name, unit.start, unit.end, attributes, unit.events, error=error),
        ]

    def _add_step(self, key: str, step: LoggedStep) -> list[TraceSpan]:
        vertex, counters = split_key(key)
        passes = tuple((loop, number) for loop, number in counters.items() if number != "-")
        start, end = nanoseconds(step.started), nanoseconds(step.ended)
        self._error = None
        spans = [self._close(each) for each in self._over(passes)]
        self._extend(start)
        self._extend(end)
        for depth in range(1, len(passes) + 1):
            if (each := passes[:depth]) not in self._closed:
                own = self._open.setdefault(each, _Open(start, end))
                own.start, own.end = min(own.start, start), max(own.end, end)
        return [*spans, *make_step_spans(self._facts, self._stem, step, vertex, passes, self._pass_id(passes))]

    def _over(self, passes: Passes) -> list[Passes]:
        """The open passes that cannot go on, as the unit is now in others; inner ones first."""
        return sorted((each for each in self._open if self._is_over(each, passes)), key=len, reverse=True)

    def _is_over(self, each: Passes, now: Passes) -> bool:
        for own, other in zip(each, now, strict=False):
            if own != other:
                return own[0] != other[0] or own[0] not in self._parallel
        return len(each) > len(now)

    def _end_loops(self, key: str, loops: Sequence[tuple[str, int, str]]) -> list[TraceSpan]:
        spans: list[TraceSpan] = []
        entered = tuple((loop, number) for loop, number in split_key(key)[1].items() if number != "-")
        for loop, count, reason in loops:
            order = [name for name, _ in entered]
            around = entered[: order.index(loop)] if loop in order else entered
            own = self._open.get(around, self._unit)
            if own is not None:
                what: dict[str, Value] = {
                    "ste.loop": loop,
                    "ste.loop.passes": int(count),
                    "ste.loop.reason": str(reason),
                }
                own.add_event(SpanEvent("loop ended", own.end, what))
            mine = [each for each in self._open if each[: len(around)] == around and len(each) > len(around)]
            mine = [each for each in mine if each[len(around)][0] == loop]
            spans += [self._close(each) for each in sorted(mine, key=len, reverse=True)]
        return spans

    def _close(self, passes: Passes) -> TraceSpan:
        own = self._open.pop(passes)
        self._closed.add(passes)
        loop, number = passes[-1]
        attributes: dict[str, Value] = {"ste.loop": loop, "ste.pass": int(number)}
        parent = self._pass_id(passes[:-1])
        return TraceSpan(self._pass_id(passes), parent, f"{loop} {number}", own.start, own.end, attributes, own.events)

    def _pass_id(self, passes: Passes) -> int:
        if not passes:
            return self.id
        return self._facts.span_id(self._stem, "pass", ".".join(f"{loop}-{number}" for loop, number in passes))

    def _fail(self, why: str, at: int) -> None:
        self._extend(at)
        assert self._unit is not None
        attributes = {names.EXCEPTION_TYPE: "unit_failed"}
        if self._facts.content:
            attributes[names.EXCEPTION_MESSAGE] = why
        self._unit.add_event(SpanEvent(names.EXCEPTION, at, attributes))
        self._error = why if self._facts.content else ""

    def _extend(self, at: int) -> None:
        if self._unit is None:
            self._unit = _Open(at, at)
        self._unit.start, self._unit.end = min(self._unit.start, at), max(self._unit.end, at)
