import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Nursery:
    """Forks runs in a process that has everything imported already, see `nursery.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, HERE / "nursery.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, workflow: Path, out: Path, kill: list | None = None) -> bool:
        """Run the workflow in `out`; True if it was killed."""
        assert self._process.stdin
        assert self._process.stdout
        print(
            json.dumps({"workflow": str(workflow), "out": str(out), "kill": kill}), file=self._process.stdin, flush=True
        )
        answer = json.loads(self._process.stdout.readline())
        assert answer["problem"] is None, answer["problem"]
        return answer["killed"]

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def journal() -> Callable[[Path], list[dict]]:
    """The journal of a run, sorted by id and without times."""

    def read(out: Path) -> list[dict]:
        lines = [json.loads(line) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]
        for line in lines:
            del line["started"], line["ended"]
        return sorted(lines, key=lambda line: line["id"])

    return read


TINY = """
dsl: 2
name: tiny
params: {items: [one, two, three], turns: 3}
plugins: [answering.py]
models: {model: {use: answering.Answering, heard: heard.jsonl}}
memory: {talk: {use: transcript, lives: item}}
nodes:
  think: {use: chat, model: model, prompt: think.md, transcript: talk, outputs: {text: str}}
graph:
  - map: item
    over: params.items
    do:
      - repeat: turn
        times: params.turns
        do:
          - think
          - record: trial
            as: {query: think.text, steps: "[]", answer: think.text, solved: true}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A workflow of three units with three turns each; no tool, no index, a model that tests can govern."""
    (tmp_path / "answering.py").write_text((HERE / "answering.py").read_text("utf-8"), "utf-8")
    (tmp_path / "think.md").write_text("Think of {{ item }}, turn {{ turn }}.", "utf-8")
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY, "utf-8")
    return file


def asked(folder: Path) -> list[str]:
    """The last message of each prompt that the model heard."""
    heard = folder / "heard.jsonl"
    return [json.loads(line)[-1]["content"] for line in heard.read_text("utf-8").splitlines()] if heard.exists() else []


@pytest.fixture
def heard(tmp_path: Path) -> Callable[[], list[str]]:
    return lambda: asked(tmp_path)
