"""The functions that one must read to follow a value from place to place; `tests/house.py` runs this for a checkout.

Two values are followed: the block `imagine` of paper.yaml, from the file until the step after it begins; and a trial,
known by its request, from a journal until a model is asked with it. On its way a value takes on *forms*: text, dicts,
objects that have it in a field (of the trial also what has such an object in a field). When a form is first passed to
or given by a function of the project, the functions on the stack are those that lead there. A walk is all of these,
where the methods of a class count as one, and so do a function and those inside it. So counted, the walks of ab6e413
have 32 and 31 functions; the review of that state counted 28 and 30 by hand.

What only looks at the value (`LOOKS`) gives something else back, and whoever follows the value need not read what is
called from there. So each walk is told twice, the second time without that.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import ste_graph as ste

LOOKS = {
    "ste_graph.run.logs.steps:RunSteps": "writes a step into log, journal and memories; the unit goes on with the step",
    "ste_graph.run.lock_file:lock_content": "draws the graph for the lock; what runs is made of the workflow",
    "ste_graph.distil.answers:supported_answer": "drops an answer that no call supports; the request is only compared",
    "ste_graph.distil.gates:ground_trial": "names the gates passed; an exemplar has the trial's own words",
}


def fields(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.values()]
    if isinstance(value, list | tuple):
        return [*value[:12]]
    return [*getattr(value, "__dict__", {}).values()] or [
        getattr(value, s, None) for s in getattr(value, "__slots__", ())
    ]


class Walk:
    """A profiler that follows a value: see the docstring above."""

    def __init__(
        self, tree: str, depth: int, is_value: Callable[[str], bool], is_end: Callable[[FrameType], bool]
    ) -> None:
        self._tree, self._depth, self._is_value, self._is_end = tree, depth, is_value, is_end
        self.forms: dict[str, list[str]] = {}
        self.forms_without_looks: dict[str, list[str]] = {}
        self._ended = False

    def __enter__(self) -> Walk:
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def __call__(self, frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        if self._ended or event not in {"call", "return"} or not code.co_filename.startswith(self._tree):
            return
        if event == "call" and self._is_end(frame):
            self._ended = True
            self.forms["the end"] = self.forms_without_looks["the end"] = self._stack(frame)
            return
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        for each in [frame.f_locals.get(name) for name in arguments] if event == "call" else [value]:
            if form := self._form(each, self._depth):
                self._note(form, frame)

    def _note(self, form: str, frame: FrameType) -> None:
        if form not in self.forms_without_looks:
            stack = self._stack(frame)
            self.forms.setdefault(form, stack)
            if LOOKS.keys().isdisjoint(stack[:-1]):
                self.forms_without_looks[form] = stack

    def _form(self, value: Any, depth: int) -> str | None:
        """The name of the form, if the value is in it."""
        if isinstance(value, str):
            return "text" if self._is_value(value) else None
        if depth == 0 or not (isinstance(value, dict | list | tuple) or type(value).__module__.startswith("ste_graph")):
            return None
        inner = next((form for part in fields(value) if (form := self._form(part, depth - 1))), None)
        if inner is None or type(value) in {list, tuple}:
            return None if inner == "text" else inner
        return f"dict of {', '.join(map(str, value))}" if type(value) is dict else type(value).__qualname__

    def _stack(self, frame: FrameType | None) -> list[str]:
        stack: list[str] = []
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(self._tree) and not code.co_name.startswith("<"):
                stack.append(f"{frame.f_globals['__name__']}:{code.co_qualname.split('.')[0]}")
            frame = frame.f_back
        return stack[::-1]


def follow_block(tree: str, scratch: Path) -> Walk:
    """`- imagine` in a file to an executed step, ended by the step that comes next."""
    changes = {"models.explorer": {"use": "simulated"}, "params.episodes": 1, "params.trials": 1}

    def is_end(frame: FrameType) -> bool:
        return frame.f_code.co_name == "__call__" and frame.f_globals["__name__"] == "ste_graph.nodes.call"

    with Walk(tree, 1, lambda text: text == "imagine", is_end) as walk:
        ste.load("paper", set=changes).run(scratch / "run")
    return walk


def follow_trial(tree: str, scratch: Path) -> Walk:
    """A trial in a journal to an exemplar in a prompt, ended by the model that is asked."""
    explored = scratch / "explored"
    ste.load("quickstart", set={"params.episodes": 1, "params.trials": 1}).run(explored)
    records = [json.loads(line) for line in (explored / "journal.jsonl").read_text("utf-8").splitlines()]
    trial = next(record for record in records if record["record"] == "trial" and record["solved"])
    case = {"query": "A request of its own.", "action_input": "{}"}
    (scratch / "cases.json").write_text(json.dumps({trial["tool"]: [case]}), "utf-8")
    changes = {
        "data.test": {"use": "cases", "path": str(scratch / "cases.json"), "tools": str(explored)},
        "params.arms": [{"name": "exemplars", "exemplars": "nearest"}],
        "memory": {"exemplars": {"use": "chroma", "from": str(explored)}},
        "nodes.lessons": "off", "nodes.recall.placebo": False, "nodes.recall.k": 12,
    }  # fmt: skip

    def is_end(frame: FrameType) -> bool:
        return "simulated" in frame.f_globals["__name__"] and trial["query"] in repr(frame.f_locals)

    with Walk(tree, 2, lambda text: trial["query"] in text, is_end) as walk:
        ste.load("icl", variant="simulated", set=changes).run(scratch / "tested")
    return walk


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        follow = {"block": follow_block, "trial": follow_trial}[sys.argv[1]]
        walk = follow(sys.argv[2], Path(folder))
    if "-v" in sys.argv:
        print("\n".join(f"{form}: {' '.join(stack)}" for form, stack in walk.forms.items()))
    for forms in (walk.forms, walk.forms_without_looks):
        print("walk:", *dict.fromkeys(name for stack in forms.values() for name in stack))
