"""Calls in JSON values, under any of the names that models give to a tool and its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ste_graph.contracts import Json
from ste_graph.protocols.json_object import NotAnObjectError, first_object
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.repairs import Repair


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call in a text, and its place there. `offered` is False if no tool has that name."""

    name: str
    arguments: dict[str, Any]
    repairs: tuple[Repair, ...] = ()
    offered: bool = True
    start: int = 0
    end: int = 0
    markup: bool = False
    """True if it is in the marks of a tool call, so that it can be nothing else."""

    def add_repairs(self, *repairs: Repair) -> FoundCall:
        """The call with further repairs, each once, these first."""
        return replace(self, repairs=tuple(dict.fromkeys((*repairs, *self.repairs))))


def call_in_value(value: Json, tools: OfferedTools, depth: int = 0) -> FoundCall | None:
    """The first call in a JSON value: an object with a name and arguments, a list of these, or one within another."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, list):
        calls = [call for item in value[:_MOST] if (call := call_in_value(item, tools, depth + 1)) is not None]
        return (calls[0].add_repairs("several calls") if len(calls) > 1 else calls[0]) if calls else None
    if not isinstance(value, Mapping):
        return None
    keys = {_plain_words(key): key for key in reversed(value)}  # of keys that are alike, the first
    for wrapper in _WRAPPERS & keys.keys():
        if isinstance(value[keys[wrapper]], list | dict) and (
            call := call_in_value(value[keys[wrapper]], tools, depth + 1)
        ):
            return call
    return _named_call(value, keys, tools) or _keyed_call(value, tools)


def final_answer_in_value(value: Json) -> str | None:
    """The final answer in a JSON object: under a name of its own, or as the input of an action of that name."""
    if not isinstance(value, Mapping):
        return None
    keys = {_plain_words(key): key for key in reversed(value)}
    action = next((value[keys[name]] for name in _NAMES if name in keys), None)
    if isinstance(action, str):
        if _plain_words(action) not in _ANSWERS:
            return None
        given = next((value[key] for name, key in keys.items() if name in _ARGUMENTS), None)
        if isinstance(given, Mapping):
            given = next(iter(given.values()), None)
        if isinstance(given, str) and given.strip():
            return given.strip()
    for name in _ANSWER_KEYS:
        given = value.get(keys.get(name, ""))
        if isinstance(given, str) and given.strip():
            return given.strip()
        if isinstance(given, int | float):
            return str(given)
    return None


def _named_call(value: Mapping[str, Json], keys: Mapping[str, str], tools: OfferedTools) -> FoundCall | None:
    """The call of an object with the tool's name under a key."""
    unknown: FoundCall | None = None
    for rank in _NAMES:
        written = value.get(keys.get(rank, ""))
        if not isinstance(written, str) or not written.strip():
            continue
        own = keys[rank]
        rest = {key: item for key, item in value.items() if key != own}
        name = tools.find(written)
        if name is None:
            has_arguments = any(
                _plain_words(key) in _ARGUMENTS and isinstance(item, dict) for key, item in rest.items()
            )
            if unknown is None and has_arguments and not _is_schema(rest, tools, written):
                unknown = FoundCall(written.strip(), {}, offered=False)
            continue
        if (given := _arguments(rest, name, tools)) is not None:
            arguments, repairs = given
            repairs = (*repairs, "decorated name") if name != written else repairs
            return FoundCall(name, arguments, repairs)
    return unknown


def _keyed_call(value: Mapping[str, Json], tools: OfferedTools) -> FoundCall | None:
    """The call of an object whose one key is the tool's name: `{"find": {"text": "x"}}`."""
    if tools.names is None:
        return None
    items = [(key, item) for key, item in value.items() if _plain_words(key) not in _ABOUT]
    if len(items) != 1 or not isinstance(items[0][1], Mapping):
        return None
    (written, arguments), name = items[0], tools.find(items[0][0])
    if name is None:
        return None
    return FoundCall(name, dict(arguments), ("name as key", *(("decorated name",) if name != written else ())))


def _arguments(
    rest: Mapping[str, Json], name: str, tools: OfferedTools
) -> tuple[dict[str, Any], tuple[Repair, ...]] | None:
    """The arguments in the other keys of a call, and the repairs; None if this is not a call."""
    parameters = tools.parameters(name)
    for key, given in rest.items():
        if _plain_words(key) not in _ARGUMENTS or (parameters and key in parameters and not isinstance(given, dict)):
            continue
        if isinstance(given, list) and len(given) == 1:
            given = given[0]
        if isinstance(given, dict):
            return None if _is_schema({key: given}, tools, name) else (given, ())
        if given in (None, "", [], {}):
            return {}, ("empty input",)
        if isinstance(given, str):
            try:
                parsed = first_object(given)
            except NotAnObjectError:
                if parameters and len(parameters) == 1:
                    return {parameters[0]: given}, ("positional arguments",)
                return None
            return parsed.value, ("object as text", *parsed.repairs)
        return None
    flat = {key: item for key, item in rest.items() if _plain_words(key) not in _ABOUT or key in (parameters or ())}
    if not flat:
        return {}, ("empty input",)
    if parameters is not None and not flat.keys() <= set(parameters):
        return None
    return flat, ("flat arguments",)


def _is_schema(rest: Mapping[str, Json], tools: OfferedTools, name: str) -> bool:
    """True if the description of the tool is repeated in the place of the arguments."""
    given = next((item for key, item in rest.items() if _plain_words(key) in _ARGUMENTS and isinstance(item, dict)), {})
    own = tools.parameters(name) or ()
    return (isinstance(given.get("properties"), dict) and "properties" not in own) or (
        given.get("type") == "object" and "type" not in own
    )


def _plain_words(key: str) -> str:
    return _PUNCTUATION.sub("", key).lower()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_DEEPEST: Final = 4
_MOST: Final = 20
_PUNCTUATION = re.compile(r"[\W_]++")
_NAMES: Final = _words(
    "action tool toolname name function functionname api apiname actionname toolid command method recipientname call"
)
"""The keys of a tool's name, in the order in which they are looked at; case and punctuation do not count."""
_ARGUMENTS: Final = frozenset(
    _words(
        "arguments args argument parameters params parameter actioninput toolinput input inputs kwargs actionarguments"
        " actionargs actionparameters actionparams toolarguments toolargs toolparameters toolparams functionarguments"
        " functionargs functionparameters functioninput apiinput apiarguments apiparameters payload"
    )
)
_WRAPPERS: Final = frozenset(
    _words("toolcalls toolcall functioncalls functioncall calls call function actions action tool tooluse")
)
_ABOUT: Final = frozenset(
    _words("thought thoughts reasoning explanation reason comment id type callid toolcallid status description index")
)
"""Keys that are no arguments, unless the tool has such a parameter."""
_ANSWERS: Final = frozenset(_words("finalanswer answer finish final none respond response"))
_ANSWER_KEYS: Final = ("finalanswer", "answer", "finalresponse", "response")
