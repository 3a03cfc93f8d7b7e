"""The ways in which a call goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from ste_graph.plausible_strings import ISO_DATE, is_date
from ste_graph.plausible_values import json_type, resolve
from ste_graph.simulated.reading import ShownTool
from ste_graph.simulated.wording import date_in_words

Arguments = dict[str, Any]


def call_text(thought: str, action: str, arguments: Mapping[str, Any]) -> str:
    """A call in the text protocol."""
    return f"Thought: {thought}\nAction: {action}\nAction Input: {json.dumps(arguments, ensure_ascii=False)}"


def spoil_call(thought: str, tool: ShownTool, arguments: Arguments, random: Random, warnings: Sequence[str]) -> str:
    """The call with a mistake in it, or the right call if a warning speaks of that very mistake.

    A warning (a lesson, an error seen earlier, an exemplar) speaks of the parameters that it names, of the tool's name
    and of JSON.
    """
    name, bad = None, arguments
    match random.choice(possible_mistakes(tool, arguments)):
        case "json" if not is_warned(warnings, "JSON", "json"):
            return _truncate_json(call_text(thought, tool.name, arguments))
        case "name" if not is_warned(warnings, tool.name, "unknown tool", "no tool"):
            return call_text(thought, misname(tool.name, random), arguments)
        case "date":
            name = random.choice([name for name, value in arguments.items() if _is_day(tool, name, value)])
            bad = {**arguments, name: date_in_words(arguments[name])}
        case "type":
            name = random.choice([name for name, value in arguments.items() if mistype(value, tool, name) is not None])
            bad = {**arguments, name: mistype(arguments[name], tool, name)}
        case "missing":
            name = random.choice([name for name in arguments if name in tool.required_names])
            bad = {key: value for key, value in arguments.items() if key != name}
    return call_text(thought, tool.name, arguments if name is not None and is_warned(warnings, name) else bad)


def possible_mistakes(tool: ShownTool, arguments: Arguments) -> list[str]:
    """The kinds of mistakes that can be made in a call."""
    kinds = ["json", "name"]
    if any(_is_day(tool, name, value) for name, value in arguments.items()):
        kinds.append("date")
    if any(mistype(value, tool, name) is not None for name, value in arguments.items()):
        kinds.append("type")
    return [*kinds, "missing"] if any(name in tool.required_names for name in arguments) else kinds


def is_warned(warnings: Sequence[str], *words: str) -> bool:
    """True if a warning has any of the words."""
    word = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    return any(word.search(text) for text in warnings)


def mistype(value: Any, tool: ShownTool, name: str) -> Any:
    """The value in a type that the schema refuses; None if any type would do."""
    schema = resolve(tool.properties.get(name, {}), tool.schema)
    if "type" not in schema and not schema.get("enum"):
        return None
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"about {value}" if json_type(schema) in ("integer", "number") else None
        case str():
            return [value]
        case _:
            return json.dumps(value, ensure_ascii=False)


def misname(name: str, random: Random) -> str:
    """A name that is nearly the tool's."""
    parts = re.split(r"(?<=[a-z0-9])_", name)
    return random.choice((f"{name}_tool", f"do_{name}", "_".join(reversed(parts)) if len(parts) > 1 else f"{name}s"))


def _truncate_json(call: str) -> str:
    """The call's JSON cut short, as by a model that lost count of its brackets."""
    head, _, body = call.rpartition("Action Input: ")
    cut = body.rfind(":")
    return f"{head}Action Input: {body[: cut + 1] if cut > 0 else '{' + chr(34)}"


def _is_day(tool: ShownTool, name: str, value: Any) -> bool:
    schema = resolve(tool.properties.get(name, {}), tool.schema)
    return isinstance(value, str) and bool(ISO_DATE.fullmatch(value)) and is_date(schema)
