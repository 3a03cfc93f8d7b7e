"""A small workflow in a temporary folder, to be changed by a test and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.loading import LoadedWorkflow, WorkflowFile, parse_change

STEPS = """
from __future__ import annotations
from pydantic import BaseModel
from ste_graph.contracts import Model, RecordView
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt

class Runnable:
    async def __call__(self, inputs, ctx):
        raise NotImplementedError

class Ask(Runnable, Node):
    class Outputs(NodeOutputs):
        query: str

class Act(Runnable, Node):
    class Inputs(NodeInputs):
        query: str
        text: str | None
    class Outputs(NodeOutputs):
        done: bool
        answer: str | None

class Fact(BaseModel):
    source: str

class Look(Runnable, Node):
    class Outputs(NodeOutputs):
        text: str
        fact: Fact | None

class Say(Runnable, Node):
    model: Model
    prompt: Prompt
    class Outputs(NodeOutputs):
        said: str

class Compare(Runnable, Node):
    memory: RecordView
    class Outputs(NodeOutputs):
        new: bool
"""

TINY = """\
dsl: 2
name: tiny
params: {rounds: 2, turns: 3}
plugins: [steps.py]
models: {m: {use: simulated}}
memory:
  talk: {use: transcript, lives: round}
  past: {use: chroma, of: trial, lives: run}
nodes:
  ask: {use: steps.Ask}
  act: {use: steps.Act}
  look: {use: steps.Look}
  say: {use: steps.Say, model: m, prompt: say.md, transcript: talk, memories: [past]}
graph:
  - repeat: round
    times: params.rounds
    do:
      - ask
      - act
      - repeat: turn
        while: not act.done
        at_most: params.turns
        do: [look, act]
      - say
      - record: trial
        as: {query: ask.query, steps: {each: [act, look]}, answer: act.answer, solved: act.done}
"""

Edit = tuple[str, str]


class Bench:
    """The folder of the test, with `TINY` in `w.yaml`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("steps.py", STEPS)
        self.write("say.md", "{{ ask.query }}{{ talk.messages }}{{ past.entries }}")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def load(self, *edits: Edit, changes: tuple[str, ...] = (), **settings: Any) -> LoadedWorkflow:
        """`TINY` after the edits (old text, new text), loaded."""
        text = TINY
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new, 1)
        self.write("w.yaml", text)
        return self.reload("w.yaml", changes=changes, **settings)

    def reload(self, name: str, changes: tuple[str, ...] = (), **settings: Any) -> LoadedWorkflow:
        return WorkflowFile.load(Path(name), changes=[parse_change(change) for change in changes], **settings)

    def problems(self, *edits: Edit, **settings: Any) -> list[str]:
        """All problems after the edits, as `line:column code message | suggestion? | expected | help`."""
        with pytest.raises(DiagnosticsError) as caught:
            self.load(*edits, **settings)
        return lines(caught.value)


def lines(problems: DiagnosticsError) -> list[str]:
    """One line per diagnostic, without the source."""
    return [
        f"{found.span.line}:{found.span.column} {found.code} {found.message}"
        + (f" | {found.suggestion}?" if found.suggestion else "")
        + (f" | {found.expected}" if found.expected else "")
        + (f" | {found.help}" if found.help else "")
        for found in problems.diagnostics
    ]
