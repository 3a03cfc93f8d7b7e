"""The calls of trials, each with what came of it, and the arguments that an error is about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.contracts.failure import CALL_AT_FAULT, has_succeeded
from ste_graph.distil.reading.normalisation import contains_words
from ste_graph.finished import JournalTrial
from ste_graph.trials.lessons import error_signature, names_argument

_FIELD = re.compile(r"^- `([^`]+)`", re.MULTILINE)
"""The place of a fault, as the check of arguments writes it."""


@dataclass(frozen=True, slots=True)
class TriedCall:
    """A call of a trial that was made, or refused before it was made."""

    trial: str
    query: str
    asked: str
    """The tool that the trial is about."""
    tool: str
    arguments: Mapping[str, Json]
    kind: str
    text: str
    succeeded: bool
    is_first: bool
    """True if no earlier call of the trial was of this tool."""
    repaired: Mapping[str, Json] | None
    """The arguments of the first later call of the tool in the trial that succeeded; None for a call that succeeded."""

    @property
    def at_fault(self) -> bool:
        """True if the call failed for what it asked, and not for a time limit or a lost connection."""
        return self.kind in CALL_AT_FAULT


def read_tried_calls(trials: Iterable[JournalTrial]) -> list[TriedCall]:
    """The calls of the trials, in order."""
    return [call for trial in trials for call in _read_trial(trial)]


def _read_trial(trial: JournalTrial) -> Iterator[TriedCall]:
    steps = [step for step in trial.line["steps"] if step["action"] is not None and step["observation"] is not None]
    seen: set[str] = set()
    for place, step in enumerate(steps):
        observation, tool = step["observation"], str(step["action"])
        succeeded = has_succeeded(observation)
        later = (s for s in steps[place + 1 :] if s["action"] == tool and has_succeeded(s["observation"]))
        repair = None if succeeded else next(later, None)
        yield TriedCall(
            trial=trial.id,
            query=trial.trial.query,
            asked=trial.tool,
            tool=tool,
            arguments=step["arguments"] or {},
            kind=str(observation["kind"]),
            text=str(observation["text"]),
            succeeded=succeeded,
            is_first=tool not in seen,
            repaired=None if repair is None else repair["arguments"] or {},
        )
        seen.add(tool)


@dataclass(frozen=True, slots=True)
class Blame:
    """The arguments that an error is about, empty if it names none, and the error without its values."""

    arguments: tuple[str, ...]
    error: str


def blame_arguments(call: TriedCall) -> list[Blame]:
    """The faults of a failed call: of arguments that were refused each one, of an error of the tool one."""
    if call.kind == "invalid_arguments":
        lines = [line for line in call.text.splitlines() if _FIELD.match(line)]
        fields = {root: line for line in lines if (root := _root(_FIELD.findall(line)[0]))}
        if fields:
            return [Blame((name,), error_signature(line, name, call.arguments)) for name, line in fields.items()]
    arguments = named_arguments(call.text, call.arguments)
    return [Blame(arguments, error_signature(call.text, next(iter(arguments), ""), call.arguments))]


def named_arguments(error: str, arguments: Mapping[str, Json]) -> tuple[str, ...]:
    """The arguments whose value an error quotes; if none, those whose value it repeats; if none, those that it names.

    Failing these too, the argument of a call that has just one.
    """
    quoted = tuple(name for name, value in arguments.items() if isinstance(value, str) and _quotes(error, value))
    repeated = tuple(name for name, value in arguments.items() if _repeats(error, value))
    named = tuple(name for name in arguments if names_argument(error, name))
    return quoted or repeated or named or (tuple(arguments) if len(arguments) == 1 else ())


def is_requested(call: TriedCall, arguments: Sequence[str]) -> bool:
    """True if the request has the values of these arguments word by word."""
    values = [call.arguments[name] for name in arguments if name in call.arguments]
    texts = [value if isinstance(value, str) else sorted_json(value) for value in values]
    return bool(texts) and all(contains_words(call.query, text) for text in texts)


def sorted_json(value: Json) -> str:
    """A value as JSON, readable."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _quotes(error: str, text: str) -> bool:
    return any(f"{mark}{text}{mark}" in error for mark in "'\"`")


def _repeats(error: str, value: Json) -> bool:
    """True if an error has a value in it; what is too short to tell is not taken for it."""
    if isinstance(value, bool) or value is None:
        return False
    text = value if isinstance(value, str) else sorted_json(value)
    return _quotes(error, text) or (len(text) > 1 and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", error) is not None)


def _root(field: str) -> str:
    """The argument that contains a place in the arguments: `items` of `items[0].name`; empty for all of them."""
    root = re.split(r"[.\[]", field, maxsplit=1)[0]
    return "" if root == "arguments" else root
