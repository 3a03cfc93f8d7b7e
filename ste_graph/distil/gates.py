"""The gates that need no model: format, execution, grounding, and for a reworded request drift."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias

from ste_graph.contracts import Frozen, Json
from ste_graph.distil.dates import days_in
from ste_graph.distil.grounding import Source, trace_values
from ste_graph.distil.numbers import digits_in, numbers_in
from ste_graph.tools.arguments import ArgumentChecker, render_value

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


def successful_calls(steps: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """The steps whose call succeeded."""
    return [step for step in steps if step.get("action") and (step.get("observation") or {}).get("ok")]


def format_fault(
    steps: Sequence[Mapping[str, Json]], answer: str | None, tool: str, parameters: Mapping[str, Json]
) -> str | None:
    """The reason why the last reply before the answer is not a valid call of the tool; None if it is one."""
    if answer is None or not answer.strip():
        return "the trial ended without an answer"
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


def execution_fault(steps: Sequence[Mapping[str, Json]]) -> str | None:
    """The reason why the last call did not succeed; None if it did."""
    seen = steps[-1].get("observation") if steps else None
    if seen is None:
        return "nothing came back from the last call"
    return (
        None
        if seen["ok"] and seen["kind"] == "ok"
        else f"the last call ended as {seen['kind']}: {_shorten(seen['text'])}"
    )


def value_sources(
    query: str, steps: Sequence[Mapping[str, Json]], parameters: Mapping[str, Json], free: Collection[str] = ()
) -> dict[str, Source]:
    """The source of each value of the last call, with the observations of all earlier calls counted."""
    earlier = [str(seen["text"]) for step in steps[:-1] if (seen := step.get("observation"))]
    return trace_values(steps[-1]["arguments"], parameters, query, earlier, free=free)


def grounding_fault(sources: Mapping[str, Source], arguments: Mapping[str, Json]) -> str | None:
    """A sentence that names the values with no source; None if every value has one."""
    lost = [name for name, source in sources.items() if source == "nothing"]
    if not lost:
        return None
    named = "; ".join(f"`{name}`: {_shorten(render_value(_value_at(arguments, name)), 60)}" for name in lost[:4])
    more = f" and {len(lost) - 4} more" if len(lost) > 4 else ""
    return f"neither the request nor an earlier observation says {named}{more}"


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
    sources = trace_values(arguments, parameters, reworded)
    lost = [name for name in stated_values if sources.get(name) == "nothing"]
    if lost:
        return grounding_fault(dict.fromkeys(lost, "nothing"), arguments)
    allowed = f"{query} {render_value(arguments)} {' '.join(map(str, arguments.values()))}"
    numbers = {abs(number) for number in digits_in(reworded)} - {abs(number) for number in numbers_in(allowed)}
    days = days_in(reworded) - days_in(allowed)
    gained = [day.isoformat() for day in sorted(days)]
    day_numbers = {float(part) for day in days_in(reworded) for part in (day.year, day.month, day.day, day.year % 100)}
    gained += [f"{number:g}" for number in sorted(numbers - day_numbers)]
    return f"it says {', '.join(gained[:4])}, which the original request does not" if gained else None


def required_calls(steps: Sequence[Mapping[str, Json]], sources: Mapping[str, Source]) -> list[dict[str, Json]]:
    """The calls that an example keeps: the last one, and the successful ones before it if it rests on their results.

    Differs: the released code keeps the last call alone, so that the results it rests on may be missing.
    """
    worked = [_call_record(step) for step in successful_calls(steps)]
    rests = "observation" in sources.values() and any(
        supplies_value(step, steps[-1]["arguments"], sources) for step in worked[:-1]
    )
    return worked if rests else worked[-1:]


def supplies_value(step: Mapping[str, Json], arguments: Mapping[str, Json], sources: Mapping[str, Source]) -> bool:
    """True if the result of a call states a value that the request does not."""
    found = trace_values(arguments, {}, "", [str(step["observation"]["text"])])
    return any(source == "observation" and found.get(name) == "observation" for name, source in sources.items())


def _call_record(step: Mapping[str, Json]) -> dict[str, Json]:
    seen = step["observation"]
    return {
        "thought": step.get("thought"),
        "action": step["action"],
        "arguments": step.get("arguments") or {},
        "observation": {"ok": seen["ok"], "kind": seen["kind"], "text": seen["text"]},
    }


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
