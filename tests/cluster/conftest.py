import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste

ROOT = Path(__file__).parents[2]

TOOLS = '''
import os
import time
from pathlib import Path

import ste_graph as ste
from ste_graph.run.unit.write_ahead import current_call

HERE = Path()


def configure(here: str) -> None:
    global HERE
    HERE = Path(here)


@ste.tool(effect="read")
def area(width: int, height: int) -> int:
    """The area of a rectangle."""
    with (HERE / "workers.txt").open("a") as workers:
        workers.write(f"{os.getpid()}\\\\n")
    while (HERE / "gate").exists():
        time.sleep(0.05)
    return width * height


@ste.tool(effect="read")
def initials(name: str) -> str:
    """The initials of a name."""
    if " " not in name:
        raise ValueError("a name has two words at least")
    return "".join(word[0] for word in name.split())


@ste.tool(effect="write")
async def send(text: str, copies: int) -> str:
    """Send a text so many times."""
    _, call = current_call.get()
    with (HERE / "sent.txt").open("a") as sent:
        sent.write(call + "\\\\n")
    return "sent"
'''.replace("\\\\", "\\")

WORKFLOW = """
dsl: 2
name: spread
params: {{episodes: 2, trials: 3, turns: 2}}
models: {{main: {{use: simulated}}}}
memory:
  short_term: {{use: transcript, lives: episode}}
  long_term: {{use: list, lives: tool, of: trial}}
nodes:
  imagine: {{use: imagine, model: main, prompt: {prompts}/imagine.md, transcript: short_term, memories: [long_term]}}
  call: {{use: call, model: main, prompt: {prompts}/call.md, transcript: short_term}}
  observe: {{use: observe}}
  reflect: {{use: reflect, model: main, prompt: {prompts}/reflect.md, transcript: short_term}}
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
              - {{repeat: turn, while: not call.finished, at_most: params.turns, do: [observe, call]}}
              - reflect
              - record: trial
                as:
                  query: imagine.query
                  steps: {{each: [call, observe]}}
                  answer: call.answer
                  solved: reflect.solved
tools: [{{use: python, module: tools.py, settings: {{here: "{here}"}}}}]
allow: [write]
"""


@pytest.fixture
def spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workflow of three units; its tools leave traces in `tmp_path`, the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.py").write_text(TOOLS)
    file = tmp_path / "spread.yaml"
    shutil.copytree(ROOT / "workflows" / "prompts", tmp_path / "prompts")
    file.write_text(WORKFLOW.format(prompts="prompts", here=tmp_path))
    return file


@pytest.fixture
def journal() -> Callable[[Path], list[dict]]:
    """The journal of a run, sorted by id and without times."""

    def strip(value: object) -> object:
        if isinstance(value, dict):
            return {key: strip(part) for key, part in value.items() if key not in ("started", "ended", "ms")}
        return [strip(part) for part in value] if isinstance(value, list) else value

    def read(out: Path) -> list[dict]:
        lines = [json.loads(line) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]
        return sorted((strip(line) for line in lines), key=lambda line: line["id"])

    return read


def step_keys(out: Path) -> list[str]:
    """The keys of all finished steps of a run, by unit."""
    lines = [
        (file.stem, json.loads(line))
        for file in out.glob("units/*.jsonl")
        for line in file.read_text("utf-8").splitlines()
    ]
    return sorted(f"{unit}: {line['key']}" for unit, line in lines if "key" in line)


async def run_here(file: Path, out: Path) -> None:
    """Run a workflow in this process."""
    assert (await ste.load(file).arun(out)).complete
