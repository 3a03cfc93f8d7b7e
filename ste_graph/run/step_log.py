"""The step log: one file per unit, one line per finished step. It is the truth of a run; all else is made from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ste_graph.contracts import Json, Message, Observation, Scope, Usage
from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import derive_id
from ste_graph.json_values import digest
from ste_graph.run.folder import RunFolder

EffectfulCall: TypeAlias = tuple[str, dict[str, Json], str]
"""A call that may have changed a tool's state: tool, arguments, and how it ended."""


@dataclass(slots=True)
class UsageCounts:
    """What a step, or a whole unit, has used."""

    model_calls: int = 0
    tool_calls: int = 0
    failed_calls: int = 0
    doubtful: int = 0
    """Calls whose answers are `ok`, but may report a failure of their own."""
    repaired: int = 0
    """Replies that had to be repaired before they could be read, and calls whose arguments had to be coerced."""
    unreadable: int = 0
    """Replies that were neither a call nor an answer."""
    calls_in_text: int = 0
    """Calls by the model's own tool calling that the server left in the text of the reply."""
    empty: int = 0
    """Replies that said nothing and called nothing."""
    truncated: int = 0
    """Replies that were cut off, as they were as long as a reply may be."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, other: UsageCounts) -> None:
        """Add the counts of another step or unit."""
        self.model_calls += other.model_calls
        self.tool_calls += other.tool_calls
        self.failed_calls += other.failed_calls
        self.doubtful += other.doubtful
        self.repaired += other.repaired
        self.unreadable += other.unreadable
        self.calls_in_text += other.calls_in_text
        self.empty += other.empty
        self.truncated += other.truncated
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens

    @property
    def usage(self) -> Usage:
        """The tokens."""
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens)

    def to_json(self) -> dict[str, int]:
        """The counts that are not 0."""
        return {name: value for name in UsageCounts.__slots__ if (value := getattr(self, name))}


@dataclass(slots=True, kw_only=True)
class LoggedStep:
    """One finished step: its outputs, messages and record, the tools that it called and how each call ended."""

    key: str
    started: str
    ended: str
    outputs: dict[str, Json] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    """The messages that the step added to its transcript."""
    record: dict[str, Json] | None = None
    scopes: dict[str, Scope] = field(default_factory=dict)
    """The scope of the record in each memory that remembers it."""
    text: str | None = field(default=None, compare=False)
    summary: str | None = field(default=None, compare=False)
    """The text of the record in memories and in transcripts, if this process made it; neither is logged."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    effects: list[EffectfulCall] = field(default_factory=list)
    """Of the calls, those to be made again after a reset; kept only where the workflow has one."""
    sub_workflow: bool = False
    """True if the step ran a sub-workflow."""
    used: UsageCounts = field(default_factory=UsageCounts)

    def to_json(self) -> dict[str, Json]:
        """The line of the log."""
        line: dict[str, Json] = {"key": self.key, "started": self.started, "ended": self.ended}
        for name in ("outputs", "messages", "record", "scopes", "calls", "effects", "sub_workflow"):
            if value := getattr(self, name):
                line[name] = value
        if used := self.used.to_json():
            line["used"] = used
        return line

    @classmethod
    def from_json(cls, line: dict[str, Json]) -> LoggedStep:
        """The step in a line of the log. Raises `KeyError`, `TypeError` or `ValueError` for a damaged one."""
        return cls(
            key=line["key"],
            started=line["started"],
            ended=line["ended"],
            outputs=line.get("outputs", {}),
            messages=line.get("messages", []),
            record=line.get("record"),
            scopes={memory: tuple(scope) for memory, scope in line.get("scopes", {}).items()},
            calls=[(tool, kind) for tool, kind in line.get("calls", [])],
            effects=[(tool, arguments, kind) for tool, arguments, kind in line.get("effects", [])],
            sub_workflow=line.get("sub_workflow", False),
            used=UsageCounts(**line.get("used", {})),
        )


class LogOwner(NamedTuple):
    """The unit and the run whose log a file is, as its first line says."""

    unit: str
    run: str


class StepLog:
    """The log of one unit: what was finished, read once at the start, and appended to from then on.

    Raises `WorkflowError` if a line is damaged, or if the file is the log of another `owner` (None: of anyone).
    """

    def __init__(self, path: Path, owner: LogOwner | None = None) -> None:
        self._file = LineFile(path)
        self._owner = owner
        self._is_empty = True
        self.finished: dict[str, LoggedStep] = {}
        """The steps that were finished when the log was read; of later ones, there are only the sums below."""
        self.started_calls: set[str] = set()
        """Calls of tools that may change the world, by step and number, started in a step that is not finished yet."""
        self._answers: dict[str, tuple[str, Observation]] = {}
        self.used = UsageCounts()
        self.calls: Counter[str] = Counter()
        """How many tool calls ended in each way."""
        self.records: Counter[str] = Counter()
        """How many records there are of each type."""
        self.sub_workflows: dict[str, dict[str, Json]] = {}
        """The outputs of sub-workflows, by the step that ran them."""
        self.loops: Counter[tuple[str, str]] = Counter()
        """How often each loop ended, and for which reason."""
        self.done = False
        self.failure: str | None = None
        self._ended_after: set[str] = set()
        for number, line in enumerate(self._file.lines(), start=1):
            self._is_empty = False
            if owner is not None and "unit" in line and line != owner._asdict():
                whose = "another run's" if line["unit"] == owner.unit else f"the log of `{line['unit']}`"
                raise WorkflowError(
                    f"{path}: this is {whose}, not the log of `{owner.unit}` in this run; "
                    "restore the file, or delete it (what it holds is then done again)"
                )
            try:
                self._read(line)
            except (KeyError, TypeError, ValueError):
                raise self._file.damaged_line(number) from None

    def _read(self, line: dict[str, Json]) -> None:
        match line:
            case {"key": str(key)}:
                step = self.finished[key] = LoggedStep.from_json(line)
                self._count(step)
            case {"call_started": str(call)}:
                self.started_calls.add(call)
            case {"call_ended": str(call), "request": str(request), "observation": dict(observation)}:
                self._answers[call] = request, Observation(**observation)
            case {"after": str(key), "loops": list(loops)}:
                self._ended_after.add(key)
                self.loops.update((loop, reason) for loop, _, reason in loops)
            case {"failed": str(why)}:
                self.failure = why
            case {"done": _}:
                self.done, self.failure = True, None
            case {"unit": str(), "run": str()}:
                pass
            case _:
                raise ValueError("unknown kind of line")

    @property
    def path(self) -> Path:
        """The log's file."""
        return self._file.path

    @property
    def record_steps(self) -> list[LoggedStep]:
        """The steps of `finished` that made a record, in order."""
        return [step for step in self.finished.values() if step.record is not None]

    def add_step(self, step: LoggedStep) -> None:
        """Log a finished step; one that may have changed the world survives a loss of power."""
        self._append(step.to_json(), durable=bool(self._calls_started_in(step)))
        self._count(step)

    def _append(self, line: dict[str, Json], *, durable: bool = False) -> None:
        """Add a line; behind the one that names the owner, if it is the first."""
        if self._is_empty and self._owner is not None:
            self._file.append(self._owner._asdict())
        self._is_empty = False
        self._file.append(line, durable=durable)

    async def sync(self) -> None:
        """Make all that is logged survive a loss of power; other units go on meanwhile."""
        await self._file.sync()

    def start_call(self, call: str, tool: str, at: str) -> None:
        """Log that a call which may change the world is about to be made, before it is."""
        self._append({"call_started": call, "tool": tool, "at": at}, durable=True)
        self.started_calls.add(call)

    def end_call(self, call: str, tool: str, arguments: Mapping[str, Json], observation: Observation) -> None:
        """Log the observation of a call that was started: if its step is interrupted and done again, it is reused."""
        request = _request_id(tool, arguments)
        seen = observation.model_dump(mode="json", exclude_defaults=True)
        self._append({"call_ended": call, "request": request, "observation": seen})
        self._answers[call] = request, observation

    def logged_observation(self, call: str, tool: str, arguments: Mapping[str, Json]) -> Observation | None:
        """The observation of a call that an earlier process made in a step that it did not finish; None if unknown."""
        request, observation = self._answers.get(call, (None, None))
        return observation if request is not None and request == _request_id(tool, arguments) else None

    def end_loops(self, key: str, loops: list[tuple[str, int, str]]) -> None:
        """Log the loops that ended after a step, once, however often the step is replayed."""
        if key not in self._ended_after:
            self._append({"after": key, "loops": loops})
            self._ended_after.add(key)
            self.loops.update((loop, reason) for loop, _, reason in loops)

    def fail(self, why: str, at: str) -> None:
        """Log that the unit failed; it is taken up again from here."""
        self._append({"failed": why, "at": at}, durable=True)
        self.failure = why

    def finish(self, at: str) -> None:
        """Log that the unit is complete."""
        self._append({"done": at}, durable=True)
        self.done, self.failure = True, None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _count(self, step: LoggedStep) -> None:
        for call in self._calls_started_in(step):
            self.started_calls.remove(call)
            self._answers.pop(call, None)
        self.used.add(step.used)
        for _, kind in step.calls:
            self.calls[kind] += 1
        if step.record is not None:
            self.records[step.record["record"]] += 1
        if step.sub_workflow:
            self.sub_workflows[step.key] = step.outputs
        self.failure = None

    def _calls_started_in(self, step: LoggedStep) -> list[str]:
        started = self.started_calls
        return [call for call in started if call.startswith(f"{step.key} #")] if started else []


def open_logs(folder: RunFolder, lock: Mapping[str, Json]) -> dict[str, StepLog]:
    """The log of each unit of a run. Raises `WorkflowError` if one is damaged, or another's."""
    run = derive_id(lock.get("created"))
    return {unit: StepLog(folder.step_log(unit), LogOwner(unit, run)) for unit in lock["units"]}


def _request_id(tool: str, arguments: Mapping[str, Json]) -> str:
    return digest([tool, dict(arguments)], length=16)
