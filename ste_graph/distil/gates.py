"""The gates that need no model: format, execution, grounding, and for a reworded request drift."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ste_graph.contracts import Json
from ste_graph.tools.arguments import Arguments, shown

from .dates import days_in
from .grounding import Source, traced
from .numbers import digits_in, numbers_in

Check: TypeAlias = Literal["format", "execution", "grounding"]
"""A gate by name; they are asked in this order."""

_UNFIT = frozenset({"malformed", "invalid_arguments", "unknown_tool"})


class Refused(NamedTuple):
    """A gate that a trial did not pass, and why."""

    gate: str
    reason: str


def calls_of(steps: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """The steps that worked."""
    return [step for step in steps if step.get("action") and (step.get("observation") or {}).get("ok")]


def format_fault(
    steps: Sequence[Mapping[str, Json]], answer: str | None, tool: str, parameters: Mapping[str, Json]
) -> str | None:
    """Why the last reply before the answer is no call of the tool that parses and validates; None if it is one."""
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
        return f"the last call was refused: {_short(seen.get('text'))}"
    problem = Arguments(tool, parameters).problem(last["arguments"])
    return _short(problem) if problem else None


def execution_fault(steps: Sequence[Mapping[str, Json]]) -> str | None:
    """Why the last call did not succeed; None if it did."""
    seen = steps[-1].get("observation") if steps else None
    if seen is None:
        return "nothing came back from the last call"
    return (
        None
        if seen["ok"] and seen["kind"] == "ok"
        else f"the last call ended as {seen['kind']}: {_short(seen['text'])}"
    )


def sources_of(
    query: str, steps: Sequence[Mapping[str, Json]], parameters: Mapping[str, Json], free: Collection[str] = ()
) -> dict[str, Source]:
    """Per value of the last call: where it comes from, the observations of all earlier calls included."""
    earlier = [str(seen["text"]) for step in steps[:-1] if (seen := step.get("observation"))]
    return traced(steps[-1]["arguments"], parameters, query, earlier, free=free)


def grounding_fault(sources: Mapping[str, Source], arguments: Mapping[str, Json]) -> str | None:
    """Which values can be traced to nothing; None if there is no such value."""
    lost = [name for name, source in sources.items() if source == "nothing"]
    if not lost:
        return None
    told = "; ".join(f"`{name}`: {_short(shown(_at(arguments, name)), 60)}" for name in lost[:4])
    more = f" and {len(lost) - 4} more" if len(lost) > 4 else ""
    return f"neither the request nor an earlier observation says {told}{more}"


def drift_fault(
    query: str, reworded: str, arguments: Mapping[str, Json], parameters: Mapping[str, Json], spoken: Collection[str]
) -> str | None:
    """What a reworded request lost or gained; None if it still asks for the same call.

    `spoken` are the values that the original request said, by path: the new one must say each of them, and no number
    or day beside those of the original and of the call.
    """
    if not reworded.strip():
        return "it is empty"
    sources = traced(arguments, parameters, reworded)
    lost = [name for name in spoken if sources.get(name) == "nothing"]
    if lost:
        return grounding_fault(dict.fromkeys(lost, "nothing"), arguments)
    told = f"{query} {shown(arguments)} {' '.join(map(str, arguments.values()))}"
    numbers = {abs(number) for number in digits_in(reworded)} - {abs(number) for number in numbers_in(told)}
    days = days_in(reworded) - days_in(told)
    gained = [day.isoformat() for day in sorted(days)]
    day_numbers = {float(part) for day in days_in(reworded) for part in (day.year, day.month, day.day, day.year % 100)}
    gained += [f"{number:g}" for number in sorted(numbers - day_numbers)]
    return f"it says {', '.join(gained[:4])}, which the original request does not" if gained else None


def needed(steps: Sequence[Mapping[str, Json]], sources: Mapping[str, Source]) -> list[dict[str, Json]]:
    """The calls that an example keeps: the last one, and those that worked before it where it rests on what they gave.

    Differs: the released code keeps the last call alone, so that what it rests on may be missing.
    """
    worked = [_call(step) for step in calls_of(steps)]
    rests = "observation" in sources.values() and any(
        says_some(step, steps[-1]["arguments"], sources) for step in worked[:-1]
    )
    return worked if rests else worked[-1:]


def says_some(step: Mapping[str, Json], arguments: Mapping[str, Json], sources: Mapping[str, Source]) -> bool:
    """Whether what a call gave says a value that the request does not."""
    found = traced(arguments, {}, "", [str(step["observation"]["text"])])
    return any(source == "observation" and found.get(name) == "observation" for name, source in sources.items())


def _call(step: Mapping[str, Json]) -> dict[str, Json]:
    seen = step["observation"]
    return {
        "thought": step.get("thought"),
        "action": step["action"],
        "arguments": step.get("arguments") or {},
        "observation": {"ok": seen["ok"], "kind": seen["kind"], "text": seen["text"]},
    }


def _at(arguments: Json, name: str) -> Json:
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


def _short(text: Json, longest: int = 200) -> str:
    line = " ".join(str(text or "").split())
    return line if len(line) <= longest else f"{line[:longest]}…"
