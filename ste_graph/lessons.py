"""Lessons: what a failed call followed by a mended one teaches, from trial records alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ste_graph.contracts import Frozen, Json
from ste_graph.ids import derive_id

TrialRecord: TypeAlias = Mapping[str, Json]
"""A trial as plain data: a line of the journal, or an entry of a memory."""

UNKNOWN_TOOL: Final = "unknown tool"
"""The signature of a call by a wrong name."""

_TEACHES = ("invalid_arguments", "tool_error", "unknown_tool")
"""How a call fails where the call was at fault. Time limits, refusals and lost connections say nothing about it."""

_GAP = "…"
_SIGNATURE, _VALUE = 160, 100
"""Characters of a signature, and of a value in a lesson's text, at most."""


class Lesson(Frozen):
    """One way in which calls of a tool go wrong, and what worked instead."""

    id: str
    tool: str
    argument: str | None
    """What was mended; None: the name under which the tool was called."""
    signature: str
    """The part of the error that concerns the argument, with values, numbers and quotes left out."""
    wrong: str | None
    right: str | None
    """The value before and after as JSON; None where the call left the argument out."""
    evidence: tuple[str, ...]
    """The trials that taught it, by id, sorted."""
    helpful: int = 0
    harmful: int = 0
    """Later trials that were shown it and did well, or failed in the same way all the same, see `lessons_of`."""

    @property
    def retired(self) -> bool:
        """Whether its harm outweighs its help."""
        return self.harmful > self.helpful


def lessons_of(records: Iterable[TrialRecord]) -> list[Lesson]:
    """Every lesson that the trials teach, retired ones included, sorted by id.

    Of each failed call, the first later call of the trial that succeeded says what was wrong: the changed argument that
    the error names, or the only changed one where it names none. Where that leaves several, none is blamed, and there
    is no lesson. Equal (tool, argument, signature) are one lesson; its example is the shortest.

    A trial whose `lessons` name one counts as harm if a call of it fails with the lesson's signature again, and as help
    if none does and a call in which the argument stands succeeds. It counts neither way if it never comes to that.

    The lessons depend on the set of trials alone, not on their order; a trial that comes twice counts once.
    """
    trials = {str(record["id"]): record for record in records}
    found: dict[str, list[tuple[str, _Mended]]] = {}
    for id, record in trials.items():
        for mended in _mended(record):
            found.setdefault(derive_id(*mended[:3]), []).append((id, mended))
    return [_merged(id, found[id], trials.values()) for id in sorted(found)]


def shown(lessons: Iterable[Lesson], tool: str, k: int = 3) -> list[Lesson]:
    """The k lessons of a tool that are best founded: by evidence, then by help less harm, then by id; none retired."""
    fitting = [lesson for lesson in lessons if lesson.tool == tool and not lesson.retired]
    fitting.sort(key=lambda lesson: (-len(lesson.evidence), lesson.harmful - lesson.helpful, lesson.id))
    return fitting[: max(k, 0)]


def text(lesson: Lesson) -> str:
    """The lesson as one line for a prompt."""
    if lesson.argument is None:
        said = f"{lesson.tool} is called by just this name; {lesson.wrong} does not exist."
    else:
        failed, worked = _told(lesson.argument, lesson.wrong), _told(lesson.argument, lesson.right)
        said = f"calling {lesson.tool}, it failed {failed}, and worked {worked}. The error was: {lesson.signature}"
    return f"Lesson: {' '.join(said.split())}"


_Mended: TypeAlias = tuple[str, str | None, str, str | None, str | None]
"""Tool, argument, signature, wrong, right."""


def _merged(id: str, found: Sequence[tuple[str, _Mended]], trials: Iterable[TrialRecord]) -> Lesson:
    tool, argument, signature, wrong, right = min((mended for _, mended in found), key=_size)
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


def _size(mended: _Mended) -> tuple[int, str]:
    """How much room an example takes; of equals one is chosen by its text."""
    example = json.dumps(mended[3:])
    return len(example), example


def _mended(trial: TrialRecord) -> Iterator[_Mended]:
    steps: Sequence[Mapping[str, Any]] = trial["steps"]
    for place, step in enumerate(steps):
        if not _failed(step):
            continue
        right = next((later for later in steps[place + 1 :] if _succeeded(later)), None)
        if right is None:
            continue
        if step["observation"]["kind"] == "unknown_tool":
            if step["action"] != right["action"]:
                yield right["action"], None, UNKNOWN_TOOL, step["action"], right["action"]
        elif step["action"] == right["action"]:
            yield from _changed(step, right)


def _changed(failed: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[_Mended]:
    before, after = failed["arguments"] or {}, right["arguments"] or {}
    error: str = failed["observation"]["text"]
    changed = [name for name in {**before, **after} if _json(before, name) != _json(after, name)]
    blamed = {part: [name for name in changed if _names(part, name)] for part in _parts(error)}
    if not any(blamed.values()):
        blamed = {error: changed}
    for names in blamed.values():
        if len(names) == 1:
            (name,) = names
            yield failed["action"], name, _signature(error, name, before), _json(before, name), _json(after, name)


def _verdict(lesson: Lesson, trial: TrialRecord) -> bool | None:
    """Whether a lesson that a trial was shown helped it (True), did not (False), or played no part (None)."""
    helped: bool | None = None
    for step in trial["steps"]:
        arguments = step["arguments"] or {}
        if _failed(step):
            if lesson.argument is None:
                again = step["observation"]["kind"] == "unknown_tool"
            else:
                error = step["observation"]["text"]
                same = step["action"] == lesson.tool
                again = same and _signature(error, lesson.argument, arguments) == lesson.signature
            if again:
                return False
        elif _succeeded(step) and step["action"] == lesson.tool:
            # A lesson to leave an argument out is kept where it is not there.
            stands = lesson.argument is None or (lesson.argument in arguments) == (lesson.right is not None)
            helped = helped or stands or None
    return helped


def _failed(step: Mapping[str, Any]) -> bool:
    seen = step["observation"]
    return step["action"] is not None and seen is not None and seen["kind"] in _TEACHES


def _succeeded(step: Mapping[str, Any]) -> bool:
    return step["action"] is not None and step["observation"] is not None and bool(step["observation"]["ok"])


def _json(arguments: Mapping[str, Json], name: str) -> str | None:
    return json.dumps(arguments[name], ensure_ascii=False, sort_keys=True) if name in arguments else None


def _told(argument: str, value: str | None) -> str:
    if value is None:
        return f"without `{argument}`"
    return f"with `{argument}`: {value if len(value) <= _VALUE else f'{value[:_VALUE]} {_GAP}'}"


def _parts(error: str) -> list[str]:
    """The lines of an error, each of which may speak of another argument."""
    return [line for line in error.splitlines() if line.strip()]


def _names(part: str, argument: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", part) is not None


def _signature(error: str, argument: str, arguments: Mapping[str, Json]) -> str:
    """What is left of an error without values: the lines that name the argument, or all where none does.

    It depends on the failed call alone, so that it is the same whether or not the call was mended.
    """
    parts = [part for part in _parts(error) if _names(part, argument)] or _parts(error)
    said = "\n".join(parts)
    for value in sorted(_values(arguments) - {argument}, key=lambda value: (-len(value), value)):
        said = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _GAP, said)
    said = _HINT.sub("", said)
    said = _QUOTED.sub(lambda quoted: quoted[0] if quoted[0][1:-1] == argument else _GAP, said)
    said = _NUMBER.sub("#", said)
    said = re.sub(rf"{_GAP}(?:, {_GAP})+", _GAP, " ".join(said.split()).removeprefix("- "))
    return said if len(said) <= _SIGNATURE else f"{said[:_SIGNATURE]} {_GAP}"


def _values(arguments: Mapping[str, Json]) -> set[str]:
    """The values of a call as an error may repeat them; not short words, which may be the error's own."""
    texts = {
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in arguments.values()
        if not isinstance(value, int | float)  # all numbers go anyway
    }
    return {text for text in texts if text.strip() and (len(text) > len("word") or not text.islower())}


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|(?<!\w)\'[^\']*\'(?!\w)|“[^”]*”')
_HINT = re.compile(r"[;,.]? *did you mean [^;\n]*", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w#])[-+]?\d+(?:[.,:/T-]\d+)*")
