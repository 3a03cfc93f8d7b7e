"""Lessons: errors of calls and how they were repaired, from trial records alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ste_graph.contracts import Frozen, Json
from ste_graph.contracts.failure import CALL_AT_FAULT, has_succeeded
from ste_graph.ids import derive_id
from ste_graph.json_values import canonical_json

TrialRecord: TypeAlias = Mapping[str, Json]
"""A trial as plain data: a line of the journal, or an entry of a memory."""

UNKNOWN_TOOL: Final = "unknown tool"
"""The signature of a call by a wrong name."""

_GAP = "…"
_SIGNATURE, _VALUE = 160, 100
"""The most characters of a signature, and of a value in a lesson's text."""


class Lesson(Frozen):
    """One way in which calls of a tool fail, and the call that worked instead."""

    id: str
    tool: str
    argument: str | None
    """The repaired argument; None: the name under which the tool was called."""
    signature: str
    """The part of the error that concerns the argument, with values, numbers and quotes left out."""
    wrong: str | None
    right: str | None
    """The value before and after as JSON; None if the call left the argument out."""
    evidence: tuple[str, ...]
    """The ids of the trials that it was drawn from, sorted."""
    helpful: int = 0
    harmful: int = 0
    """The number of later trials that were shown it and succeeded, or failed in the same way, see `draw_lessons`."""

    @property
    def is_retired(self) -> bool:
        """True if it did more harm than good."""
        return self.harmful > self.helpful


def draw_lessons(records: Iterable[TrialRecord], *, is_asked: IsAsked | None = None) -> list[Lesson]:
    """Draws every lesson from the trials, retired ones included, sorted by id.

    For each failed call, the first later call of the trial that succeeded shows the fault: the changed argument that
    the error names, or the only changed one if it names none. If several arguments are left, none is blamed, and no
    lesson is drawn. Neither is one where `is_asked` finds that the repaired call does something else than was asked, as
    where a number was cut to the limit that the error named. Equal (tool, argument, signature) are one lesson; its
    example is the shortest.

    A trial whose `lessons` name one counts as harm if a call of it fails with the lesson's signature again, and as help
    if none does and a call with the argument succeeds. In all other cases it counts neither way.

    The lessons depend on the set of trials alone, not on their order; a trial that comes twice counts once.
    """
    trials = {str(record["id"]): record for record in records}
    found: dict[str, list[tuple[str, _Repair]]] = {}
    for id, record in trials.items():
        for repair in _repairs(record, is_asked):
            found.setdefault(derive_id(*repair[:3]), []).append((id, repair))
    return [_merge(id, found[id], trials.values()) for id in sorted(found)]


def rank_lessons(lessons: Iterable[Lesson], tool: str, k: int = 3) -> list[Lesson]:
    """The best k lessons of a tool: by evidence, then by help less harm, then by id; retired ones are left out."""
    active = [lesson for lesson in lessons if lesson.tool == tool and not lesson.is_retired]
    active.sort(key=lambda lesson: (-len(lesson.evidence), lesson.harmful - lesson.helpful, lesson.id))
    return active[: max(k, 0)]


def lesson_text(lesson: Lesson) -> str:
    """The lesson as one line for a prompt."""
    if lesson.argument is None:
        advice = f"{lesson.tool} is called by just this name; {lesson.wrong} does not exist."
    else:
        failed, worked = _value_text(lesson.argument, lesson.wrong), _value_text(lesson.argument, lesson.right)
        advice = f"calling {lesson.tool}, it failed {failed}, and worked {worked}. The error was: {lesson.signature}"
    return f"Lesson: {' '.join(advice.split())}"


IsAsked: TypeAlias = Callable[[TrialRecord, Mapping[str, Any], Mapping[str, Any], str], bool]
"""A check that a repaired call still does what the request says: trial, failed step, working step, argument."""

_Repair: TypeAlias = tuple[str, str | None, str, str | None, str | None]
"""Tool, argument, signature, wrong, right."""


def _merge(id: str, found: Sequence[tuple[str, _Repair]], trials: Iterable[TrialRecord]) -> Lesson:
    tool, argument, signature, wrong, right = min((repair for _, repair in found), key=_size)
    lesson = Lesson(
        id=id,
        tool=tool,
        argument=argument,
        signature=signature,
        wrong=wrong,
        right=right,
        evidence=tuple(sorted({trial for trial, _ in found})),
    )
    verdicts = [_verdict(lesson, trial) for trial in trials if id in (trial.get("lessons") or ())]
    return lesson.model_copy(update={"helpful": verdicts.count(True), "harmful": verdicts.count(False)})


def _size(repair: _Repair) -> tuple[int, str]:
    """The length of an example; among equals its text decides."""
    example = json.dumps(repair[3:])
    return len(example), example


def _repairs(trial: TrialRecord, is_asked: IsAsked | None) -> Iterator[_Repair]:
    steps: Sequence[Mapping[str, Any]] = trial["steps"]
    for place, step in enumerate(steps):
        if not _has_failed(step):
            continue
        right = next((later for later in steps[place + 1 :] if _has_succeeded(later)), None)
        if right is None:
            continue
        if step["observation"]["kind"] == "unknown_tool":
            if step["action"] != right["action"]:
                yield right["action"], None, UNKNOWN_TOOL, step["action"], right["action"]
        elif step["action"] == right["action"]:
            for repair in _changed_arguments(step, right):
                if is_asked is None or is_asked(trial, step, right, repair[1] or ""):
                    yield repair


def _changed_arguments(failed: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[_Repair]:
    before, after = failed["arguments"] or {}, right["arguments"] or {}
    error: str = failed["observation"]["text"]
    changed = [name for name in {**before, **after} if _json(before, name) != _json(after, name)]
    blamed = {part: [name for name in changed if names_argument(part, name)] for part in _parts(error)}
    if not any(blamed.values()):
        blamed = {error: changed}
    for names in blamed.values():
        if len(names) == 1:
            (name,) = names
            yield failed["action"], name, error_signature(error, name, before), _json(before, name), _json(after, name)


def _verdict(lesson: Lesson, trial: TrialRecord) -> bool | None:
    """True if a lesson helped the trial that was shown it, False if it did not, None if it played no part."""
    helped: bool | None = None
    for step in trial["steps"]:
        arguments = step["arguments"] or {}
        if _has_failed(step):
            if lesson.argument is None:
                again = step["observation"]["kind"] == "unknown_tool"
            else:
                error = step["observation"]["text"]
                same = step["action"] == lesson.tool
                again = same and error_signature(error, lesson.argument, arguments) == lesson.signature
            if again:
                return False
        elif _has_succeeded(step) and step["action"] == lesson.tool:
            # A lesson to leave an argument out is followed by leaving it out.
            followed = lesson.argument is None or (lesson.argument in arguments) == (lesson.right is not None)
            helped = helped or followed or None
    return helped


def _has_failed(step: Mapping[str, Any]) -> bool:
    seen = step["observation"]
    return step["action"] is not None and seen is not None and seen["kind"] in CALL_AT_FAULT


def _has_succeeded(step: Mapping[str, Any]) -> bool:
    return step["action"] is not None and has_succeeded(step["observation"])


def _json(arguments: Mapping[str, Json], name: str) -> str | None:
    return canonical_json(arguments[name]) if name in arguments else None


def _value_text(argument: str, value: str | None) -> str:
    if value is None:
        return f"without `{argument}`"
    return f"with `{argument}`: {value if len(value) <= _VALUE else f'{value[:_VALUE]} {_GAP}'}"


def _parts(error: str) -> list[str]:
    """The lines of an error, each of which may speak of another argument."""
    return [line for line in error.splitlines() if line.strip()]


def names_argument(part: str, argument: str) -> bool:
    """True if a part of an error names an argument."""
    return re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", part) is not None


def error_signature(error: str, argument: str, arguments: Mapping[str, Json]) -> str:
    """The error without values, numbers and quotes: the lines that name the argument, or all lines if none does.

    It depends on the failed call alone, so it is the same for a call that was never repaired.
    """
    parts = [part for part in _parts(error) if names_argument(part, argument)] or _parts(error)
    text = "\n".join(parts)
    for value in sorted(_values(arguments) - {argument}, key=lambda value: (-len(value), value)):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _GAP, text)
    text = _HINT.sub("", text)
    text = _QUOTED.sub(lambda quoted: quoted[0] if quoted[0][1:-1] == argument else _GAP, text)
    text = _NUMBER.sub("#", text)
    text = re.sub(rf"{_GAP}(?:, {_GAP})+", _GAP, " ".join(text.split()).removeprefix("- "))
    return text if len(text) <= _SIGNATURE else f"{text[:_SIGNATURE]} {_GAP}"


def _values(arguments: Mapping[str, Json]) -> set[str]:
    """The values of a call that an error may repeat; without short words, which may be the error's own."""
    texts = {
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in arguments.values()
        if not isinstance(value, int | float)  # all numbers go anyway
    }
    return {text for text in texts if text.strip() and (len(text) > len("word") or not text.islower())}


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|(?<!\w)\'[^\']*\'(?!\w)|“[^”]*”')
_HINT = re.compile(r"[;,.]? *did you mean [^;\n]*", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w#])[-+]?\d+(?:[.,:/T-]\d+)*")
