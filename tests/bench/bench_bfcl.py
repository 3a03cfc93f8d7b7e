"""Agreement with BFCL's own checker on its own questions, call by call and state by state.

Needs the package, which pins half of the field: `pip install --no-deps bfcl-eval mpmath`, best into a folder of its own
(`--target DIR`, then `PYTHONPATH=DIR`). `STE_BFCL_EVERY=20` takes every twentieth question.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ste_graph.scoring.bfcl.environment_process import EnvironmentProcess
from ste_graph.scoring.bfcl.labels import label_result
from ste_graph.scoring.bfcl.questions import BfclQuestion, read_questions

Call = dict[str, dict[str, Any]]
Calls = list[Call]
SINGLE = ("simple_python", "multiple", "live_simple", "live_multiple")
PARALLEL = ("parallel", "parallel_multiple", "live_parallel", "live_parallel_multiple")
MULTI_TURN = ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context")
MISSING = "bfcl-eval is not installed: pip install --no-deps bfcl-eval mpmath"


@dataclass
class Agreement:
    """How often two checkers gave the same verdict on a reply; `mixed` counts by what was done to the gold reply."""

    pairs: Counter[str] = field(default_factory=Counter)
    right: int = 0
    accepted: list[tuple[str, str, Any]] = field(default_factory=list)
    """Replies that we take for right, and BFCL does not."""
    refused: list[tuple[str, str, Any]] = field(default_factory=list)
    """The other way round."""
    crashed: int = 0
    """Replies on which BFCL's checker raised; they count as wrong there."""

    def add(self, question: str, kind: str, reply: Any, ours: bool, theirs: bool) -> None:
        self.pairs[kind] += 1
        self.right += theirs
        if ours != theirs:
            (self.accepted if ours else self.refused).append((question, kind, reply))

    def row(self) -> str:
        total = self.pairs.total()
        return (
            f"{total:,} pairs, {self.right:,} right by BFCL; false accept {len(self.accepted)} "
            f"({len(self.accepted) / total:.3%}), false reject {len(self.refused)} ({len(self.refused) / total:.3%})"
            f"; BFCL raised on {self.crashed}"
        )


def data_folder() -> Path:
    """The questions that the package holds."""
    spec = find_spec("bfcl_eval")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


def checker() -> Callable[[Any, Any, Any, str], bool | None]:
    """BFCL's check of calls: functions, reply, answer and category; None if it raised.

    Its table of models, whose import needs every provider's client, is replaced by one model that keeps dots.
    """
    name = "bfcl_eval.constants.model_config"
    if name not in sys.modules:
        table = types.ModuleType(name)
        table.MODEL_CONFIG_MAPPING = {"model": types.SimpleNamespace(underscore_to_dot=False)}  # type: ignore[attr-defined]
        sys.modules[name] = table
    from bfcl_eval.constants.enums import Language  # type: ignore[import-not-found]
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # type: ignore[import-not-found]

    def check(functions: Any, reply: Any, answer: Any, category: str) -> bool | None:
        try:
            return bool(ast_checker(functions, reply, answer, Language.PYTHON, category, "model")["valid"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return None

    return check


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


def compare_calls(category: str, *, every: int = 1) -> Agreement:
    """The agreement on one category of a single turn."""
    check, path, found = checker(), data_folder() / f"BFCL_v4_{category}.json", Agreement()
    questions = read_questions(path)
    answers = read_lines(path.parent / "possible_answer" / path.name)
    golds = {item.id: gold_calls(item, answers[item.id]) for item in questions}
    by_functions: dict[frozenset[str], list[str]] = {}
    for item in questions:
        by_functions.setdefault(frozenset(item.functions), []).append(item.id)
    for item in questions[::every]:
        functions = list(item.functions.values())
        others = [golds[name] for name in by_functions[frozenset(item.functions)] if name != item.id][:20]
        for kind, reply in replies(golds[item.id], answers[item.id], functions, others):
            theirs = check(functions, copy.deepcopy(reply), answers[item.id], category)
            found.crashed += theirs is None
            ours = label_result(item, reply, arm="a").is_correct is True
            found.add(item.id, kind, reply, ours, bool(theirs))
    return found


def gold_calls(question: BfclQuestion, answer: Calls) -> Calls:
    """The gold calls of a question."""
    return [gold_call(call, dict(question.functions[next(iter(call))]["parameters"])) for call in answer]


def read_lines(path: Path) -> dict[str, Any]:
    """The answers in a file, by the question's id."""
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return {line["id"]: line["ground_truth"] for line in lines}


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


def compare_states(category: str, *, every: int = 1) -> Agreement:
    """The agreement on one category of several turns."""
    from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_utils  # type: ignore[import-not-found]
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import (  # type: ignore[import-not-found]
        multi_turn_checker,
    )

    path, found = data_folder() / f"BFCL_v4_{category}.json", Agreement()
    entries = {line["id"]: line for line in map(json.loads, path.read_text("utf-8").splitlines())}
    answers = read_lines(path.parent / "possible_answer" / path.name)
    known = set(vars(multi_turn_utils))
    with EnvironmentProcess() as environment:
        for item in read_questions(path)[::every]:
            for kind, reply in conversations(item):
                texts = [[[_python(call) for call in turn]] if turn else [] for turn in reply]
                verdict = multi_turn_checker(texts, answers[item.id], entries[item.id], category, "model")
                for name in set(vars(multi_turn_utils)) - known:  # where it keeps the state of each model and question
                    delattr(multi_turn_utils, name)
                result = [[turn] if turn else [] for turn in reply]
                ours = label_result(item, result, arm="a", environment=environment).is_correct is True
                found.add(item.id, kind, reply, ours, bool(verdict["valid"]))
    return found


def _python(call: Call) -> str:
    ((name, arguments),) = call.items()
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def main() -> None:
    """Print the agreement on each category, with the first pairs on which the two differ."""
    if find_spec("bfcl_eval") is None:
        print(f"  left out: {MISSING}")
        return
    every = int(os.environ.get("STE_BFCL_EVERY", "1"))
    for categories, compare in (((*SINGLE, *PARALLEL), compare_calls), (MULTI_TURN, compare_states)):
        for category in categories:
            found = compare(category, every=every)
            print(f"  {category:24} {found.row()}", flush=True)
            for name, differences in (("accepted", found.accepted), ("refused", found.refused)):
                for question, kind, reply in differences[:3]:
                    print(f"    {name}: {question}, {kind}: {json.dumps(reply)[:200]}", flush=True)
