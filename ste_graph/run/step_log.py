"""The step log: one file per unit, one line per finished step. It is the truth of a run; all else is made from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ste_graph.contracts import Json, Message, Observation, Scope, Usage
from ste_graph.files.jsonl import LineFile
from ste_graph.json_values import digest

Made: TypeAlias = tuple[str, dict[str, Json], str]
"""A call that may have changed a tool's state: tool, arguments, and how it ended."""


@dataclass(slots=True)
class Used:
    """What a step, or a whole unit, has used."""

    model_calls: int = 0
    tool_calls: int = 0
    failed_calls: int = 0
    repaired: int = 0
    """Replies that had to be mended before they could be read, and calls whose arguments had to be coerced."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, other: Used) -> None:
        self.model_calls += other.model_calls
        self.tool_calls += other.tool_calls
        self.failed_calls += other.failed_calls
        self.repaired += other.repaired
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens

    @property
    def usage(self) -> Usage:
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens)

    def to_json(self) -> dict[str, int]:
        return {name: value for name in Used.__slots__ if (value := getattr(self, name))}


@dataclass(slots=True, kw_only=True)
class Logged:
    """One finished step: what it gave, said and recorded, which tools it called and how each call ended."""

    key: str
    started: str
    ended: str
    gives: dict[str, Json] = field(default_factory=dict)
    said: list[Message] = field(default_factory=list)
    record: dict[str, Json] | None = None
    scopes: dict[str, Scope] = field(default_factory=dict)
    """Per memory that remembers the record: the pass in which it does."""
    text: str | None = field(default=None, compare=False)
    summary: str | None = field(default=None, compare=False)
    """What stands for the record in memories and in transcripts, where this process made it; neither is logged."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    """Of the calls, those to be made again behind a reset; kept only where the workflow has one."""
    part: bool = False
    """Whether it ran a sub-workflow."""
    lines: dict[str, list[int]] = field(default_factory=dict)
    """Per model that plays a recording which gives each line once: the lines that the step has had."""
    used: Used = field(default_factory=Used)

    def to_json(self) -> dict[str, Json]:
        line: dict[str, Json] = {"key": self.key, "started": self.started, "ended": self.ended}
        for name in ("gives", "said", "record", "scopes", "calls", "made", "part", "lines"):
            if value := getattr(self, name):
                line[name] = value
        if used := self.used.to_json():
            line["used"] = used
        return line

    @classmethod
    def of(cls, line: dict[str, Json]) -> Logged:
        calls = [(tool, kind) for tool, kind in line.get("calls", [])]
        return cls(
            key=line["key"],
            started=line["started"],
            ended=line["ended"],
            gives=line.get("gives", {}),
            said=line.get("said", []),
            record=line.get("record"),
            scopes={memory: tuple(scope) for memory, scope in line.get("scopes", {}).items()},
            calls=calls,
            made=[(tool, arguments, kind) for tool, arguments, kind in line.get("made", [])],
            part=line.get("part", False),
            lines=line.get("lines", {}),
            used=Used(**line.get("used", {})),
        )


class StepLog:
    """The log of one unit: what was finished, read once at the start, and appended to from then on."""

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path)
        self.finished: dict[str, Logged] = {}
        """What was finished when the log was read; of what came since, there are only the sums below."""
        self.begun_calls: set[str] = set()
        """Calls of tools that may change the world, by step and number, that were begun in a step not finished yet."""
        self._answers: dict[str, tuple[str, Observation]] = {}
        self.used = Used()
        self.calls: Counter[str] = Counter()
        """How many tool calls ended in which way."""
        self.records: Counter[str] = Counter()
        """How many records there are of each type."""
        self.parts: dict[str, dict[str, Json]] = {}
        """What sub-workflows gave, by the step that ran them."""
        self.lines: defaultdict[str, set[int]] = defaultdict(set)
        """Per model: the lines of its recording that finished steps have had."""
        self.loops: Counter[tuple[str, str]] = Counter()
        """How often each loop ended, and why."""
        self.done = False
        self.failure: str | None = None
        self._ended_after: set[str] = set()
        for number, line in enumerate(self._file.lines(), start=1):
            try:
                self._take(line)
            except (KeyError, TypeError, ValueError):
                raise self._file.damaged_line(number) from None

    def _take(self, line: dict[str, Json]) -> None:
        match line:
            case {"key": str(key)}:
                step = self.finished[key] = Logged.of(line)
                self._count(step)
            case {"begun": str(call)}:
                self.begun_calls.add(call)
            case {"answered": str(call), "of": str(asked), "observation": dict(observation)}:
                self._answers[call] = asked, Observation(**observation)
            case {"after": str(key), "loops": list(loops)}:
                self._ended_after.add(key)
                self.loops.update((loop, why) for loop, _, why in loops)
            case {"failed": str(why)}:
                self.failure = why
            case {"done": _}:
                self.done, self.failure = True, None
            case _:
                raise ValueError("a line of no known kind")

    @property
    def path(self) -> Path:
        """The log's file."""
        return self._file.path

    @property
    def recorded(self) -> list[Logged]:
        """The steps of `finished` that made a record, in order."""
        return [step for step in self.finished.values() if step.record is not None]

    def step(self, step: Logged) -> None:
        """Log a finished step; one that made a record, or may have changed the world, survives a loss of power."""
        self._file.append(step.to_json(), durable=step.record is not None or bool(self._begun_in(step)))
        self._count(step)

    def begin_call(self, call: str, tool: str, at: str) -> None:
        """Log that a call which may change the world is about to be made, before it is."""
        self._file.append({"begun": call, "tool": tool, "at": at}, durable=True)
        self.begun_calls.add(call)

    def call_answered(self, call: str, tool: str, arguments: Mapping[str, Json], observation: Observation) -> None:
        """Log what a call that was begun gave: its step may still be interrupted, and is then done again without it."""
        asked = _asked(tool, arguments)
        said = observation.model_dump(mode="json", exclude_defaults=True)
        self._file.append({"answered": call, "of": asked, "observation": said})
        self._answers[call] = asked, observation

    def answer(self, call: str, tool: str, arguments: Mapping[str, Json]) -> Observation | None:
        """What this call gave when an earlier process made it, in a step that it did not finish; None if not known."""
        asked, observation = self._answers.get(call, (None, None))
        return observation if asked is not None and asked == _asked(tool, arguments) else None

    def loops_ended(self, key: str, loops: list[tuple[str, int, str]]) -> None:
        """Log why loops ended behind a step; said once, however often the step is replayed."""
        if key not in self._ended_after:
            self._file.append({"after": key, "loops": loops})
            self._ended_after.add(key)
            self.loops.update((loop, why) for loop, _, why in loops)

    def fail(self, why: str, at: str) -> None:
        """Log that the unit failed; it is taken up again from here."""
        self._file.append({"failed": why, "at": at}, durable=True)
        self.failure = why

    def finish(self, at: str) -> None:
        """Log that the unit is complete."""
        self._file.append({"done": at}, durable=True)
        self.done, self.failure = True, None

    def close(self) -> None:
        self._file.close()

    def _count(self, step: Logged) -> None:
        for call in self._begun_in(step):
            self.begun_calls.remove(call)
            self._answers.pop(call, None)
        for model, lines in step.lines.items():
            self.lines[model].update(lines)
        self.used.add(step.used)
        for _, kind in step.calls:
            self.calls[kind] += 1
        if step.record is not None:
            self.records[step.record["record"]] += 1
        if step.part:
            self.parts[step.key] = step.gives
        self.failure = None

    def _begun_in(self, step: Logged) -> list[str]:
        return [call for call in self.begun_calls if call.startswith(f"{step.key} #")] if self.begun_calls else []


def _asked(tool: str, arguments: Mapping[str, Json]) -> str:
    return digest([tool, dict(arguments)], length=16)
