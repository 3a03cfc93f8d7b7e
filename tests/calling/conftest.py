"""Small workflows whose model replies as a test writes it down, and whose tools count."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.run.summary import Summary

WORKFLOW = """
dsl: 2
name: calling
seed: 1
params: {episodes: 1, trials: 1, turns: 3}
models: {explorer: {use: recorded, path: replies.jsonl}}
tools: [{use: python, module: tools.py}]
memory: {talk: {use: transcript, lives: episode}}
nodes:
  imagine: {use: imagine, model: explorer, prompt: imagine.md, transcript: talk}
  call:    {use: call,    model: explorer, prompt: call.md,    transcript: talk}
  observe: {use: observe}
  reflect: {use: reflect, model: explorer, prompt: reflect.md, transcript: talk}
graph:
  - map: tool
    over: tools
    do:
      - repeat: episode
        times: params.episodes
        do:
          - repeat: trial
            times: params.trials
            do:
              - imagine
              - call
              - repeat: turn
                while: not call.finished
                at_most: params.turns
                do: [observe, call]
              - reflect
              - record: trial
                as: {query: imagine.query, steps: {each: [call, observe]}, answer: call.answer, solved: reflect.solved}
"""

PROMPTS = {
    "imagine.md": "Imagine for {{ tool.name }}.\nUser Query:",
    "call.md": "{% if observe.text is none %}Do: {{ imagine.query }}\n"
    "{% else %}Observation: {{ observe.text }}{% endif %}",
    "reflect.md": 'Fulfilled? Respond with "Yes" or "No".',
}

TOOLS = '''
from pathlib import Path

import ste_graph as ste

HERE = Path(__file__).parent


@ste.tool(effect="EFFECT")
def add(n: int) -> int:
    """Add a number to the sum."""
    sum_file = HERE / "sum.txt"
    total = int(sum_file.read_text() if sum_file.exists() else 0) + n
    sum_file.write_text(str(total))
    with (HERE / "calls.txt").open("a") as calls:
        calls.write(f"{n}\\n")
    return total
'''


class Project:
    """A folder with a workflow in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(**{"workflow.yaml": WORKFLOW, "tools.py": TOOLS.replace("EFFECT", "read")}, **PROMPTS)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name).write_text(text, "utf-8")

    def replies(self, *said: str | dict[str, Any]) -> None:
        """Sets the replies of the model, in order."""
        lines = [{"text": item} if isinstance(item, str) else {"text": "", **item} for item in said]
        self.write(**{"replies.jsonl": "".join(json.dumps(line) + "\n" for line in lines)})

    def run(self, out: str = "run", *, dry_run: bool = False, accept_changes: bool = False, **changes: Any) -> Summary:
        paths = {name.replace("__", "."): value for name, value in changes.items()}
        loaded = ste.load(self.folder / "workflow.yaml", set=paths)
        return loaded.run(out=self.folder / out, dry_run=dry_run, accept_changes=accept_changes)

    def record_replies(self, out: str, **changes: Any) -> Summary:
        """Run, and give each line of the replies the key of its request, so that runs can be taken up with them."""
        tape = self.folder / "tape"
        summary = self.run(out, cassette={"path": str(tape), "mode": "record"}, **changes)
        self.write(**{"replies.jsonl": (tape / "models.jsonl").read_text("utf-8")})
        return summary

    def trials(self, out: str = "run") -> list[dict[str, Any]]:
        """The journal in the order of its trials, without times."""
        lines = [json.loads(line) for line in (self.folder / out / "journal.jsonl").read_text("utf-8").splitlines()]
        for line in lines:
            del line["started"], line["ended"]
        return sorted(lines, key=lambda line: (line["tool"], line["episode"], line["trial"]))

    def messages(self, unit: str = "add", out: str = "run") -> list[dict[str, Any]]:
        """Every message that the transcript of a unit kept."""
        log = (self.folder / out / "units" / f"{unit}.jsonl").read_text("utf-8").splitlines()
        return [message for line in log for message in json.loads(line).get("messages", [])]

    def called(self) -> list[int]:
        """The numbers with which the tool was called, however often."""
        calls = self.folder / "calls.txt"
        return [int(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def call() -> Callable[[int], str]:
    """A call of `add` in the text protocol."""
    return lambda n: f'Thought: hm\nAction: add\nAction Input: {{"n": {n}}}'
