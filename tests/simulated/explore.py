"""Ten tools and a scripted trial, against which the simulated model is measured."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from ste_graph.simulated.policy import respond
from ste_graph.simulated.reading import Turn


@dataclass(frozen=True)
class ToyTool:
    """`run` takes the arguments in the order of `order`; parameters without a value are None."""

    name: str
    description: str
    schema: dict[str, Any]
    run: Callable[..., Any]
    order: tuple[str, ...]

    def call(self, arguments: dict[str, Any]) -> str:
        validator = Draft202012Validator(self.schema, format_checker=FormatChecker())
        fault = next(iter(validator.iter_errors(arguments)), None)
        if fault is not None:
            return f"Error: invalid arguments: {'.'.join(map(str, fault.path)) or 'arguments'}: {fault.message}"
        try:
            return str(self.run(*(arguments.get(name) for name in self.order)))
        except ValueError as error:
            return f"Error: {error}"

    def shown(self) -> str:
        head = f"API_name: {self.name}\nDescription: {self.description}"
        return f"{head}\nParameters (JSON Schema): {json.dumps(self.schema)}"


def toy(
    name: str, description: str, run: Callable[..., Any], optional: tuple[str, ...] = (), **properties: Any
) -> ToyTool:
    required = [key for key in properties if key not in optional]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return ToyTool(name, description, schema, run, tuple(properties))


DAY = {"type": "string", "format": "date"}
UNIT = {"type": "string", "enum": ["mm", "cm", "m", "km", "mile"]}
METRES = {"mm": 0.001, "cm": 0.01, "m": 1, "km": 1000, "mile": 1609.344}
PLACES = {"$.a.b": 1, "$.list[0]": 2, "$.name": 3}


def place(path: str) -> int:
    if path not in PLACES:
        raise ValueError(f"nothing stands at {path}")
    return PLACES[path]


TOOLS = [
    toy("add_days", "Adds days to a date.", lambda day, days: date.fromisoformat(day) + timedelta(days),
        date=DAY, days={"type": "integer", "minimum": -1000, "maximum": 1000}),
    toy("days_between", "Counts the days from one date to another.",
        lambda a, b: (date.fromisoformat(b) - date.fromisoformat(a)).days, first_date=DAY, second_date=DAY),
    toy("convert_length", "Converts a length from one unit to another.", lambda v, a, b: v * METRES[a] / METRES[b],
        value={"type": "number"}, from_unit=UNIT, to_unit=UNIT),
    toy("repeat_text", "Repeats a text.", lambda text, count, loud: (text.upper() if loud else text) * (count or 2),
        ("count", "loud"), text={"type": "string"}, count={"type": "integer", "minimum": 1, "maximum": 9},
        loud={"type": "boolean", "default": False}),
    toy("roman_numeral", "Writes a number in Roman numerals.", lambda number: "I" * (number % 10 + 1),
        number={"type": "integer", "minimum": 1, "maximum": 3999}),
    toy("look_up", "Looks up a value in a document by its path.", place,
        path={"type": "string", "examples": ["$.a.b", "$.list[0]", "$.gone"]}),
    toy("run_query", "Runs a read-only query on the shop's database.", len,
        sql={"type": "string", "examples": ["SELECT name FROM shop WHERE city = 'Bern'", "SELECT COUNT(*) FROM shop"]}),
    toy("sum_numbers", "Sums up numbers.", sum, numbers={"type": "array", "items": {"type": "integer"}, "minItems": 2}),
    toy("shift_time", "Shifts a moment by some hours.", lambda m, h: datetime.fromisoformat(m) + timedelta(hours=h),
        moment={"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$", "examples": ["2024-07-01 09:30"]},
        hours={"type": "number", "minimum": -48, "maximum": 48}),
    toy("current_weekday", "Tells the present day of the week.", lambda: "Friday"),
]  # fmt: skip


def renamed(tool: ToyTool, random: Random) -> ToyTool:
    """The tool with random words for its name and parameters, and the schema's keys in another order."""

    def word() -> str:
        return "".join(random.choice("bdfgklmnprstvz") + random.choice("aeiou") for _ in range(random.randint(2, 4)))

    names = {name: f"{word()}_{word()}" if "_" in name else word() for name in tool.order}

    def shuffled(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: shuffled(value[key]) for key in random.sample(list(value), len(value))}

    schema = {
        **tool.schema,
        "properties": {names[name]: of for name, of in tool.schema["properties"].items()},
        "required": [names[name] for name in tool.schema["required"]],
    }
    return replace(tool, name=word(), schema=shuffled(schema), order=tuple(names[name] for name in tool.order))


@dataclass
class Explored:
    """One trial: the whole talk, the observations in order, and the model's verdict."""

    turns: list[Turn]
    observations: list[str]
    verdict: str

    @property
    def solved(self) -> bool:
        return self.verdict == "Yes"


def explore(tool: ToyTool, *, seed: int, mistakes: float = 0.3, turns: int = 4, hint: str = "") -> Explored:
    """Imagine, call, observe and reflect, as the paper's loop does."""
    talk: list[Turn] = []

    def ask(text: str) -> str:
        talk.append(Turn("user", text))
        talk.append(Turn("assistant", respond(talk, seed=seed, mistakes=mistakes)))
        return talk[-1].text

    ask(f"Here is a tool.\n{tool.shown()}\n\nImagine a request.\nUser Query:")
    reply = ask(f"{hint}\nServe it. Reply with Thought, Action, Action Input: or Thought, Final Answer:")
    observations: list[str] = []
    while "Final Answer:" not in reply and len(observations) < turns:
        observations.append(observed(tool, reply))
        reply = ask(f"Observation: {observations[-1]}")
    return Explored(talk, observations, ask('Was it served?\nRespond with "Yes" or "No".'))


def observed(tool: ToyTool, reply: str) -> str:
    action, _, given = reply.partition("\nAction: ")[2].partition("\nAction Input: ")
    if action != tool.name:
        return f"Error: unknown tool `{action}`; known tools: {tool.name}"
    try:
        return tool.call(json.loads(given))
    except ValueError:
        return "Error: the text after `Action Input:` is not one JSON object"
