"""The gates that need no model: format, execution, grounding, and for a reworded request drift."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from ste_graph.contracts import Frozen, Json
from ste_graph.contracts.failure import has_succeeded
from ste_graph.distil.grounding import Grounding, Source, ground, trace_values
from ste_graph.distil.reading.dates import days_in
from ste_graph.distil.reading.numbers import digits_in, number_text, numbers_in
from ste_graph.distil.reading.unused import find_unused
from ste_graph.text import join_first
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.explanation import render_value
from ste_graph.trials.success import successful_calls

GateName: TypeAlias = Literal["format", "execution", "grounding"]
"""A gate by name, in the order in which they are asked."""

_UNFIT = frozenset({"malformed", "invalid_arguments", "unknown_tool"})


class CheckResult(Frozen):
    """The outcome of gates: `gate` and `reason` name the first that was not passed, and are None if all were."""

    passed: bool
    gate: str | None
    reason: str | None


PASSED = CheckResult(passed=True, gate=None, reason=None)


def reject(gate: str, reason: str) -> CheckResult:
    """The outcome of a gate that was not passed."""
    return CheckResult(passed=False, gate=gate, reason=reason)


def format_fault(
    steps: Sequence[Mapping[str, Json]], answer: str | None, tool: str, parameters: Mapping[str, Json]
) -> str | None:
    """The reason why the last reply before the answer is not a valid call of the tool; None if it is one."""
    if answer is None or not answer.strip():
        failed = [seen for step in steps if (seen := step.get("observation")) and not seen.get("ok")]
        return "the trial ended without an answer" + (f", after {_shorten(failed[-1].get('text'))}" if failed else "")
    if not steps:
        return "the trial ended without a call"
    last = steps[-1]
    seen = last.get("observation") or {}
    if not last.get("action") or not isinstance(last.get("arguments"), Mapping):
        return "the last reply before the answer could not be read as a call"
    if last["action"] != tool:
        return f"the last call is of `{last['action']}`, not of `{tool}`"
    if seen.get("kind") in _UNFIT:
        return f"the last call was refused: {_shorten(seen.get('text'))}"
    problem = ArgumentChecker(tool, parameters).problem(last["arguments"])
    return _shorten(problem) if problem else None


def execution_fault(steps: Sequence[Mapping[str, Json]], *, doubtful: bool = False) -> str | None:
    """The reason why the last call did not succeed; None if it did, or if it may have and `doubtful` lets that pass."""
    seen = steps[-1].get("observation") if steps else None
    if seen is None:
        return "nothing came back from the last call"
    if seen["ok"] and (doubt := seen.get("doubt")):
        return None if doubtful else f"the last call may have failed, {doubt}: {_shorten(seen['text'])}"
    return None if has_succeeded(seen) else f"the last call ended as {seen['kind']}: {_shorten(seen['text'])}"


@dataclass(frozen=True, slots=True)
class TrialGrounding:
    """The grounding of a trial's last call: see `Grounding`; with what the request asks for and no call serves."""

    sources: Mapping[str, Source]
    left_out: tuple[str, ...]
    unused: tuple[str, ...]
    serving: tuple[int, ...]
    """The steps that serve the request: the last one, and earlier ones that it rests on or that serve a part of it."""
    missing: Mapping[str, str]
    """By the path of a composed value, the part of it that has no source."""

    @property
    def is_whole(self) -> bool:
        """True if the calls do what the request says."""
        return "nothing" not in self.sources.values() and not self.left_out and not self.unused

    @property
    def stated_values(self) -> list[str]:
        """The values that the request states, by path."""
        return [name for name, source in self.sources.items() if source == "request"]


def ground_trial(
    query: str,
    steps: Sequence[Mapping[str, Json]],
    parameters: Mapping[str, Json],
    free: Collection[str] = (),
    *,
    description: str = "",
) -> TrialGrounding:
    """Traces the last call of a trial to its request and to the results of earlier calls that succeeded.

    The result of a failed call is not a source: an error names limits and choices that nobody asked for.
    `description` is the tool's: words that a request repeats from it need not be served.
    """
    last = steps[-1]
    earlier = list(_founded_calls(query, steps, parameters, free, description))
    results = [_result(steps[place]) for place, _ in earlier]
    own = ground(last["arguments"], parameters, query, results, free=free, description=description)
    kept = [(place, found) for place, found in earlier if _serves(steps[place], found, last, own)]
    serving = [*(place for place, _ in kept), len(steps) - 1]
    calls = [steps[place]["arguments"] or {} for place in serving]
    known = [description, *(_result(step) for step in successful_calls([steps[place] for place in serving]))]
    composed = {*free} & {*last["arguments"]}
    groundings = [own, *(found for _, found in kept)]
    unused = [] if composed else find_unused(query, groundings, calls, parameters, known)
    return TrialGrounding(own.sources, own.left_out, tuple(unused), tuple(serving), own.missing)


def grounding_fault(grounding: TrialGrounding, arguments: Mapping[str, Json]) -> str | None:
    """A sentence that names what keeps a call from being what was asked for; None if nothing does."""
    lost = [name for name, source in grounding.sources.items() if source == "nothing"]
    if lost:
        return f"neither the request nor an earlier result gives {_values_text(lost, arguments, grounding.missing)}"
    if grounding.left_out:
        return f"the request says something of {_list(grounding.left_out)}, which the call leaves out"
    return f"the request says {_list(grounding.unused)}, which no call uses" if grounding.unused else None


def drift_fault(
    query: str,
    reworded: str,
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    stated_values: Collection[str],
) -> str | None:
    """The values that a reworded request lost or gained; None if it still asks for the same call.

    `stated_values` are the values that the original request states, by path: the new one must state them all, and no
    number or day other than those of the original and of the call.
    """
    if not reworded.strip():
        return "it is empty"
    sources = trace_values(arguments, parameters, reworded, description=render_value(arguments))
    lost = [name for name in stated_values if sources.get(name) == "nothing"]
    if lost:
        return f"neither the request nor an earlier result gives {_values_text(lost, arguments)}"
    allowed = f"{query} {render_value(arguments)} {' '.join(map(str, arguments.values()))}"
    numbers = {abs(number) for number in digits_in(reworded)} - {abs(number) for number in numbers_in(allowed)}
    days = days_in(reworded) - days_in(allowed)
    gained = [day.isoformat() for day in sorted(days)]
    day_numbers = {
        Fraction(part) for day in days_in(reworded) for part in (day.year, day.month, day.day, day.year % 100)
    }
    gained += [number_text(number) for number in sorted(numbers - day_numbers)]
    return f"it says {', '.join(gained[:4])}, which the original request does not" if gained else None


def _founded_calls(
    query: str,
    steps: Sequence[Mapping[str, Json]],
    parameters: Mapping[str, Json],
    free: Collection[str],
    description: str,
) -> Iterator[tuple[int, Grounding]]:
    """The places of the calls before the last that succeeded and do something that was asked, each with its grounding.

    Those of another tool count in any case, as its schema is not known here.
    """
    results: list[str] = []
    for place, step in enumerate(steps[:-1]):
        if not successful_calls([step]):
            continue
        same = step["action"] == steps[-1]["action"]
        known, about = (parameters, description) if same else ({}, "")
        found = ground(step["arguments"] or {}, known, query, results, free=free, description=about)
        if found.is_whole or not same:
            results.append(_result(step))
            yield place, found


def _result(step: Mapping[str, Json]) -> str:
    return str(step["observation"]["text"])


def _serves(step: Mapping[str, Json], found: Grounding, last: Mapping[str, Json], own: Grounding) -> bool:
    """True if the last call rests on the result of an earlier one, or the earlier one serves a part of its own.

    Differs: the released code keeps the last call alone, so that the results it rests on may be missing.
    """
    gives = trace_values(last["arguments"], {}, "", [_result(step)])
    if any(source == "observation" and gives.get(name) == "observation" for name, source in own.sources.items()):
        return True
    spans = [span for span in found.spans if not any(span.overlaps(other) for other in own.spans)]
    return found.is_whole and bool(spans)


def call_record(step: Mapping[str, Json]) -> dict[str, Json]:
    """The call of a step as examples keep it."""
    seen = step["observation"]
    return {
        "thought": step.get("thought"),
        "action": step["action"],
        "arguments": step.get("arguments") or {},
        "observation": {name: seen[name] for name in ("ok", "kind", "text", "doubt") if seen.get(name) is not None},
    }


def _values_text(names: Sequence[str], arguments: Mapping[str, Json], missing: Mapping[str, str] = {}) -> str:
    def part(name: str) -> str:
        return f"{missing[name]} in " if name in missing else ""

    named = [f"`{name}`: {part(name)}{_shorten(render_value(_value_at(arguments, name)), 60)}" for name in names]
    return join_first(named, 4, "; ")


def _list(names: Sequence[str]) -> str:
    return join_first([f"`{_shorten(name, 60)}`" for name in names], 4)


def _value_at(arguments: Json, name: str) -> Json:
    """The value at a path as `Leaf.name` writes it; the name itself where it cannot be followed."""
    value = arguments
    for step in name.replace("[", ".[").split("."):
        if step.startswith("[") and isinstance(value, list):
            value = value[int(step[1:-1])]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return name
    return value


def _shorten(text: Json, longest: int = 200) -> str:
    line = " ".join(str(text or "").split())
    return line if len(line) <= longest else f"{line[:longest]}…"
