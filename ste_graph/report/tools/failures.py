"""The failures of calls, parameter by parameter, and the descriptions that the first calls show to mislead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import Frozen, Json
from ste_graph.report.tools.calls import Blame, TriedCall, blame_arguments, is_requested, sorted_json

SHOWN = 5
"""Values, repairs and requests that an entry keeps."""


class Repair(Frozen):
    """A value that failed, and the one that worked instead in the same trial, as JSON; None: left out."""

    wrong: str | None
    right: str | None


class ParameterFailure(Frozen):
    """One way in which calls of a tool fail."""

    tool: str
    parameters: tuple[str, ...]
    """The parameters that the error is about; several if it is about how they go together, empty if it names none."""
    kind: str
    """`invalid_arguments` if the schema refuses the call, `tool_error` if the tool does."""
    error: str
    """The error without its values."""
    count: int
    calls: int
    """The number of calls of the tool."""
    repaired: int
    """The number of these failures that a later call of the same trial repaired."""
    requested: int
    """The number of them whose values are in the request word by word: the model passed on what it was asked."""
    trials: tuple[str, ...]
    values: tuple[str, ...]
    """Values that failed, as JSON."""
    repairs: tuple[Repair, ...]


class MisleadingDescription(Frozen):
    """A parameter that the first call of a trial got wrong: the model knew of it by its description alone."""

    tool: str
    parameter: str
    description: str
    schema_part: str
    """The rest of what the model was told about the parameter, as JSON."""
    first_calls: int
    """The number of trials whose first call of the tool gave the parameter, or was refused for it."""
    failed: int
    repaired: int
    requested: int
    """The number of failed ones that passed on the request's own words."""
    trials: tuple[str, ...]
    repairs: tuple[Repair, ...]


@dataclass
class _Group:
    calls: list[TriedCall] = field(default_factory=list)
    trials: dict[str, None] = field(default_factory=dict)
    values: dict[str, None] = field(default_factory=dict)
    repairs: dict[Repair, None] = field(default_factory=dict)

    def add(self, call: TriedCall, parameters: Sequence[str]) -> None:
        self.calls.append(call)
        self.trials[call.trial] = None
        if given := {name: call.arguments[name] for name in parameters if name in call.arguments}:
            self.values[sorted_json(next(iter(given.values())) if len(parameters) == 1 else given)] = None
        self.repairs.update(dict.fromkeys(_list_repairs(call, parameters)))

    def absorb(self, earlier: _Group) -> None:
        self.calls[:0] = earlier.calls
        self.trials, self.values = earlier.trials | self.trials, earlier.values | self.values
        self.repairs = earlier.repairs | self.repairs

    @property
    def repaired(self) -> int:
        return sum(call.repaired is not None for call in self.calls)

    def count_requested(self, parameters: Sequence[str]) -> int:
        return sum(is_requested(call, parameters) for call in self.calls)


def list_failures(calls: Sequence[TriedCall]) -> list[ParameterFailure]:
    """The ways in which calls fail, the most frequent first."""
    groups: dict[tuple[str, str, Blame], _Group] = {}
    for call in _list_failures(calls):
        for blame in blame_arguments(call):
            groups.setdefault((call.tool, call.kind, blame), _Group()).add(call, blame.arguments)
    groups = _merge_alike(groups)
    found = [
        ParameterFailure(
            tool=tool,
            parameters=blame.arguments,
            kind=kind,
            error=blame.error,
            count=len(group.calls),
            calls=sum(call.tool == tool for call in calls),
            repaired=group.repaired,
            requested=group.count_requested(blame.arguments),
            trials=tuple(group.trials),
            values=tuple(group.values)[:SHOWN],
            repairs=tuple(group.repairs)[:SHOWN],
        )
        for (tool, kind, blame), group in groups.items()
    ]
    return sorted(found, key=lambda failure: (-failure.count, failure.tool, failure.parameters))


def _merge_alike(groups: Mapping[tuple[str, str, Blame], _Group]) -> dict[tuple[str, str, Blame], _Group]:
    """The groups with those as one whose errors differ in a word or two alone, such as a value that the tool gives."""
    merged: dict[tuple[str, str, Blame], _Group] = {}
    for (tool, kind, blame), group in groups.items():
        for key in [key for key in merged if key[:2] == (tool, kind) and key[2].arguments == blame.arguments]:
            if error := _common_error(key[2].error, blame.error):
                group.absorb(merged.pop(key))
                blame = Blame(blame.arguments, error)
        merged[tool, kind, blame] = group
    return merged


def _common_error(first: str, second: str) -> str | None:
    """The words that two errors share, with a gap for each in which they differ; None if these are too many."""
    pairs = list(zip(first.split(), second.split(), strict=False))
    gaps = sum(word != other for word, other in pairs)
    if len(first.split()) != len(second.split()) or gaps > max(1, len(pairs) // 4):
        return None
    return " ".join(word if word == other else "…" for word, other in pairs)


def list_misleading(
    calls: Sequence[TriedCall], schemas: Mapping[str, Mapping[str, Json]]
) -> list[MisleadingDescription]:
    """The parameters that first calls got wrong, those of which most were wrong first."""
    first = [call for call in calls if call.is_first]
    groups: dict[tuple[str, str], _Group] = {}
    for call in _list_failures(first):
        for name in dict.fromkeys(name for blame in blame_arguments(call) for name in blame.arguments):
            groups.setdefault((call.tool, name), _Group()).add(call, (name,))
    found = [
        _describe(tool, name, group, first, schemas.get(tool, {}))
        for (tool, name), group in groups.items()
        if name in (schemas.get(tool, {}).get("properties") or {})
    ]
    return sorted(found, key=lambda entry: (-entry.failed, entry.tool, entry.parameter))


def _describe(
    tool: str, name: str, group: _Group, first: Iterable[TriedCall], schema: Mapping[str, Json]
) -> MisleadingDescription:
    part = schema["properties"][name]
    part = part if isinstance(part, Mapping) else {}
    given = {call.trial for call in first if call.tool == tool and name in call.arguments}
    return MisleadingDescription(
        tool=tool,
        parameter=name,
        description=str(part.get("description") or ""),
        schema_part=sorted_json({key: value for key, value in part.items() if key not in ("description", "title")}),
        first_calls=len(given | group.trials.keys()),
        failed=len(group.trials),
        repaired=group.repaired,
        requested=group.count_requested((name,)),
        trials=tuple(group.trials),
        repairs=tuple(group.repairs)[:SHOWN],
    )


def _list_failures(calls: Iterable[TriedCall]) -> Iterator[TriedCall]:
    return (call for call in calls if call.at_fault and call.kind != "unknown_tool")


def _list_repairs(call: TriedCall, parameters: Iterable[str]) -> Iterator[Repair]:
    """The changes of the parameters in a later call of the trial."""
    for name in parameters if call.repaired is not None else ():
        wrong, right = (
            sorted_json(arguments[name]) if name in arguments else None
            for arguments in (call.arguments, call.repaired or {})
        )
        if wrong != right:
            yield Repair(wrong=wrong, right=right)
