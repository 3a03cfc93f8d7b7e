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
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ste_graph.scoring.bfcl.environment_process import EnvironmentProcess
from ste_graph.scoring.bfcl.labels import label_result
from ste_graph.scoring.bfcl.questions import BfclQuestion, read_questions
from tests.bench.bfcl_replies import Call, Calls, conversations, gold_call, replies

SINGLE = ("simple_python", "multiple", "live_simple", "live_multiple")
PARALLEL = ("parallel", "parallel_multiple", "live_parallel", "live_parallel_multiple")
MULTI_TURN = ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context")
MISSING = "bfcl-eval is not installed: pip install --no-deps bfcl-eval mpmath"


@dataclass
class Agreement:
    """The agreement of two checkers on replies; `pairs` counts by what was done to the gold calls."""

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
