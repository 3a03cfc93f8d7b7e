"""The ways in which a call goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from ste_graph.models.simulated.reading import Shown
from ste_graph.models.simulated.strings import ISO_DATE, is_date
from ste_graph.models.simulated.values import kind_of, resolved
from ste_graph.models.simulated.wording import in_words

Arguments = dict[str, Any]


def call_text(thought: str, action: str, arguments: Mapping[str, Any]) -> str:
    """A call in the text protocol."""
    return f"Thought: {thought}\nAction: {action}\nAction Input: {json.dumps(arguments, ensure_ascii=False)}"


def spoiled(thought: str, tool: Shown, arguments: Arguments, random: Random, warnings: Sequence[str]) -> str:
    """The call with a mistake in it; the right call if everything that could go wrong has been warned of.

    A warning (a lesson, an earlier error, an exemplar's text) prevents the mistakes in the parameters that it names,
    and a slip in the tool's name or in the JSON where it speaks of those.
    """

    def warned(*words: str) -> bool:
        return any(re.search(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", text) for text in warnings)

    open_to = {name: value for name, value in arguments.items() if not warned(name)}
    ways: list[Callable[[], str]] = []
    days = [name for name, value in open_to.items() if _is_day(tool, name, value)]
    if days:
        ways.append(
            lambda: call_text(
                thought, tool.name, _with(arguments, name := random.choice(days), in_words(arguments[name]))
            )
        )
    wrong = {name: bad for name, value in open_to.items() if (bad := mistyped(value, tool, name)) is not None}
    if wrong:
        ways.append(
            lambda: call_text(thought, tool.name, _with(arguments, name := random.choice(list(wrong)), wrong[name]))
        )
    needed = [name for name in open_to if name in tool.required]
    if needed:
        ways.append(lambda: call_text(thought, tool.name, _less(arguments, random.choice(needed))))
    if not warned("JSON", "json"):
        ways.append(lambda: _broken(call_text(thought, tool.name, arguments)))
    if not warned("unknown tool", "unknown_tool", "no tool", tool.name):
        ways.append(lambda: call_text(thought, misnamed(tool.name, random), arguments))
    return random.choice(ways)() if ways else call_text(thought, tool.name, arguments)


def mistyped(value: Any, tool: Shown, name: str) -> Any:
    """The value in a type that the schema refuses; None if any type would do."""
    schema = resolved(tool.properties.get(name, {}), tool.schema)
    if "type" not in schema and not schema.get("enum"):
        return None
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value}" if kind_of(schema) in ("integer", "number") else None
        case str():
            return [value]
        case _:
            return json.dumps(value, ensure_ascii=False)


def misnamed(name: str, random: Random) -> str:
    """A name that is nearly the tool's."""
    parts = re.split(r"(?<=[a-z0-9])_", name)
    return random.choice((f"{name}_tool", f"do_{name}", "_".join(reversed(parts)) if len(parts) > 1 else f"{name}s"))


def _broken(call: str) -> str:
    """The call's JSON cut short, as by a model that lost count of its brackets."""
    head, _, body = call.rpartition("Action Input: ")
    cut = body.rfind(":")
    return f"{head}Action Input: {body[: cut + 1] if cut > 0 else '{' + chr(34)}"


def _is_day(tool: Shown, name: str, value: Any) -> bool:
    schema = resolved(tool.properties.get(name, {}), tool.schema)
    return isinstance(value, str) and bool(ISO_DATE.fullmatch(value)) and is_date(schema)


def _with(arguments: Arguments, name: str, value: Any) -> Arguments:
    return {**arguments, name: value}


def _less(arguments: Arguments, name: str) -> Arguments:
    return {key: value for key, value in arguments.items() if key != name}
