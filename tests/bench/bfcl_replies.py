"""Replies to BFCL's questions, made from the gold calls: right ones, and wrong ones of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, TypeAlias

from ste_graph.scoring.bfcl.questions import BfclQuestion

Call: TypeAlias = dict[str, dict[str, Any]]
Calls: TypeAlias = list[Call]


def plain(admissible: Any) -> Any:
    """The first value that an admissible form stands for."""
    if isinstance(admissible, dict):
        return {
            name: (values[0] if isinstance(values, list) else values)
            for name, values in admissible.items()
            if not (isinstance(values, list) and values[0] == "")
        }
    return (
        [plain(part) if isinstance(part, dict) else part for part in admissible]
        if isinstance(admissible, list)
        else admissible
    )


def gold_call(answer: Call, parameters: dict[str, Any]) -> Call:
    """The call of an answer: every argument that may not be left out, with its first value."""
    ((name, values),) = answer.items()
    required = parameters.get("required", ())
    return {
        name: {
            key: plain(next((value for value in options if value != ""), ""))
            for key, options in values.items()
            if "" not in options or key in required
        }
    }


def variants(answer: Call, call: Call) -> Iterator[tuple[str, Call]]:
    """The gold call with each admissible value in turn, and without each argument that may be left out."""
    ((name, values),), (arguments,) = answer.items(), call.values()
    for key, options in values.items():
        for option in options:
            if option == "":
                yield "left out", {name: {k: v for k, v in arguments.items() if k != key}}
            else:
                yield "other admissible value", {name: {**arguments, key: plain(option)}}


def other_values(value: Any) -> Iterator[tuple[str, Any]]:
    """Values near one: changed, of another type, empty, or the same in another form."""
    yield "empty", None
    yield "empty", ""
    yield "empty", []
    yield "empty", {}
    yield "other type", [value]
    yield "other type", {"value": value}
    yield "other type", str(value)
    match value:
        case bool():
            yield "changed value", not value
            yield "other type", int(value)
        case int() | float():
            yield "changed value", value + 1
            yield "changed value", -value if value else 7
            yield "other type", float(value)
            yield "other type", int(value)
            yield "other type", bool(value)
        case str():
            yield "changed value", f"{value} or something else"
            yield "changed value", value[:-1]
            yield "same but for form", value.upper()
            yield "same but for form", value.replace(" ", "-")
            yield "same but for form", f"{value}."
            yield "changed value", f"{value}!"
            yield "other type", len(value)
            yield "other type", True
        case list():
            yield "changed value", [*value, "one more"]
            yield "changed value", [*value, *value[:1]]
            yield "changed value", value[:-1]
            yield "changed value", value[::-1]
            for index, item in enumerate(value):
                if not isinstance(item, list | dict):
                    for kind, other in other_values(item):
                        yield f"{kind} in a list", [*value[:index], other, *value[index + 1 :]]
                if isinstance(item, dict):
                    for kind, other in other_values(item):
                        yield f"{kind} in a list", [*value[:index], other, *value[index + 1 :]]
        case dict():
            yield "changed value", {**value, "one more": 1}
            for key, item in value.items():
                yield "changed value", {k: v for k, v in value.items() if k != key}
                if not isinstance(item, dict):
                    for kind, other in other_values(item):
                        yield f"{kind} in an object", {**value, key: other}


def mutations(call: Call, functions: Sequence[Any]) -> Iterator[tuple[str, Call]]:
    """The call with one thing changed."""
    ((name, arguments),) = call.items()
    known = {function["name"]: function for function in functions}
    yield "other function", {f"{name}_anew": arguments}
    for other in known:
        if other != name:
            yield "other function", {other: arguments}
    yield "extra argument", {name: {**arguments, "no_such_argument": 1}}
    for key, schema in known[name]["parameters"]["properties"].items():
        if key not in arguments:
            values = {"string": "x", "integer": 1, "float": 1.5, "boolean": True, "array": [], "tuple": [], "dict": {}}
            yield "extra argument", {name: {**arguments, key: schema.get("default", values.get(schema["type"], "x"))}}
            for filler in values.values():
                yield "extra argument", {name: {**arguments, key: filler}}
    for key, value in arguments.items():
        yield "missing argument", {name: {k: v for k, v in arguments.items() if k != key}}
        yield "renamed argument", {name: {(f"{k}_" if k == key else k): v for k, v in arguments.items()}}
        for kind, other in other_values(value):
            yield kind, {name: {**arguments, key: other}}
        for neighbour, theirs in arguments.items():
            if neighbour > key and theirs != value:
                yield "swapped values", {name: {**arguments, key: theirs, neighbour: value}}


def changed_throughout(gold: Calls, random: Random) -> Calls:
    """The gold calls in any order, with about every fourth argument changed, and some left out."""
    calls = [
        {
            name: {
                key: random.choice(list(other_values(value)))[1] if random.random() < 0.25 else value
                for key, value in arguments.items()
                if random.random() > 0.03
            }
        }
        for call in gold
        for name, arguments in call.items()
    ]
    return random.sample(calls, len(calls))


def replies(
    gold: Calls, answers: Calls, functions: Sequence[Any], others: Sequence[Calls]
) -> Iterator[tuple[str, Calls]]:
    """Replies to a question: its gold calls, those of other questions, and every mutation of one call."""
    yield "gold", gold
    yield "no call", []
    for other in others:
        yield "gold of another question", other
    if len(gold) > 1:
        yield "reversed", gold[::-1]
        yield "rotated", [*gold[1:], gold[0]]
        yield "one of another", [gold[0], *gold[:-1]]
    for index, (call, answer) in enumerate(zip(gold, answers, strict=True)):
        yield "one call less", [*gold[:index], *gold[index + 1 :]]
        yield "one call twice", [*gold[: index + 1], *gold[index:]]
        for kind, other in (*variants(answer, call), *mutations(call, functions)):
            yield kind, [*gold[:index], other, *gold[index + 1 :]]
    random = Random(json.dumps(gold))
    for _ in range(10):
        yield "several things changed", changed_throughout(gold, random)


def conversations(question: BfclQuestion) -> Iterator[tuple[str, list[Calls]]]:
    """Replies to a question of several turns: the gold calls, with one of them changed, left out, moved or repeated."""
    gold: list[Calls] = [[{call.name: call.gold_arguments} for call in turn] for turn in question.turns]
    yield "gold", gold
    yield "each turn reversed", [turn[::-1] for turn in gold]
    for number, turn in enumerate(gold):
        before, after = gold[:number], gold[number + 1 :]
        for index, call in enumerate(turn):
            ((name, arguments),) = call.items()
            yield "missing call", [*before, [*turn[:index], *turn[index + 1 :]], *after]
            yield "call twice", [*before, [*turn[: index + 1], *turn[index:]], *after]
            for key, value in arguments.items():
                if isinstance(value, str):
                    changes = (value.upper(), value.replace("_", "").replace(" ", ""), f"{value}x")
                else:
                    changes = (value + 1 if isinstance(value, int | float) else None, str(value), value)
                for changed in changes:
                    other = {name: {**arguments, key: changed}}
                    yield "changed value", [*before, [*turn[:index], other, *turn[index + 1 :]], *after]
        if "ls" in question.functions:
            yield "looked around first", [*before, [{"ls": {}}, *turn], *after]
        if not turn:
            yield "a call where none is expected", [*before, [{next(iter(question.functions)): {}}], *after]
