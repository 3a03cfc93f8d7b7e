"""Types of record that a plugin offers, in whole runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.cli import main

OWN = """
from ste_graph.records import Record


class Claim(Record):
    said: str
    length: int = 0
    derived = frozenset({"length"})

    @classmethod
    def from_values(cls, values, context):
        return cls(said=values["said"], length=len(values["said"]))

    @property
    def text(self):
        return TEXT
"""

WORKFLOW = """
dsl: 2
name: claims
params: {items: [one, two], turns: 3}
plugins: [answering.py, own.py]
models: {model: {use: answering.Answering, heard: heard.jsonl}}
memory:
  talk: {use: transcript, lives: item, max_tokens: 30}
  past: {use: chroma, of: own.Claim, lives: item}
nodes:
  think: {use: chat, model: model, prompt: think.md, transcript: talk, memories: [past], outputs: {text: str}}
graph:
  - map: item
    over: params.items
    do:
      - repeat: turn
        times: params.turns
        do:
          - think
          - record: own.Claim
            as: {said: think.text}
"""


@pytest.fixture
def claims(tiny: Path) -> Callable[..., Path]:
    """A workflow whose records are claims, found by what `text` gives."""

    def write(text: str = "self.said") -> Path:
        (tiny.parent / "own.py").write_text(OWN.replace("TEXT", text), encoding="utf-8")
        (tiny.parent / "think.md").write_text(
            "{{ item }}{{ turn }}:{% for entry in past.entries %} {{ entry.said }}{{ entry.length }}{% endfor %}"
        )
        tiny.write_text(WORKFLOW, encoding="utf-8")
        return tiny

    return write


def test_they_are_recorded_remembered_and_taken_up_again(claims: Callable, tmp_path: Path, journal: Callable) -> None:
    workflow = claims()
    whole = ste.load(workflow).run(out=tmp_path / "whole")
    assert (whole.complete, dict(whole.records)) == (True, {"own.Claim": 6})
    lines = [line for line in journal(tmp_path / "whole") if line["item"] == "one"]
    lines.sort(key=lambda line: line["turn"])
    assert [(line["record"], line["turn"], line["length"]) for line in lines] == [
        ("own.Claim", turn, len(lines[turn]["said"])) for turn in range(3)
    ]
    heard = [json.loads(line)[-1]["content"] for line in (tmp_path / "heard.jsonl").read_text().splitlines()]
    before = "".join(f" {line['said']}{line['length']}" for line in lines[:2])
    assert f"one2:{before}" in heard
    for budget in range(1, 7):
        out = tmp_path / "stopped"
        ste.load(workflow, set={"budget.model_calls": budget}).run(out=out)
    assert journal(out) == journal(tmp_path / "whole")


def test_a_record_that_raises_fails_its_unit_and_names_the_place(claims: Callable, tmp_path: Path) -> None:
    summary = ste.load(claims("1 / 0")).run(out=tmp_path / "run")
    where = f"{tmp_path / 'tiny.yaml'}:20 record own.Claim, item=one turn 0"
    assert (
        summary.failed["one"] == f"{where}: ZeroDivisionError: division by zero ({tmp_path / 'own.py'}:16 Claim.text)"
    )
    assert ste.load(claims("1 / 0")).run(out=tmp_path / "run").failed  # taken up, it fails the same way


def test_a_record_that_cannot_be_read_back_is_named(claims: Callable, tmp_path: Path) -> None:
    workflow = claims()
    own = tmp_path / "own.py"
    secretive = "@field_serializer('said')\n    def hidden(self, said):\n        return None\n\n    @classmethod"
    own.write_text("from pydantic import field_serializer\n" + own.read_text().replace("@classmethod", secretive))
    stopped = ste.load(workflow, set={"budget.model_calls": 2})
    assert stopped.run(out=tmp_path / "run").stopped_by == "budget"
    with pytest.raises(ste.WorkflowError, match=r"record \w{16} of this run cannot be read as a `own.Claim`: `said"):
        ste.load(workflow).run(out=tmp_path / "run")


def test_show_prints_them(claims: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ste.load(claims(), set={"params.items": ["one"], "params.turns": 2}).run(out=tmp_path / "run")
    capsys.readouterr()
    run = str(tmp_path / "run")
    assert main(["show", run, "-n", "1"]) == 0
    said = open_run_lines(tmp_path / "run")
    assert capsys.readouterr().out == (
        f"{run}: 2 own.Claim\n\n-- one: own.Claim\n   turn         0\n   said         {said[0]['said']}\n"
        f"   length       {said[0]['length']}\n\n1 more; leave out `-n` to see all 2\n"
    )
    assert main(["show", run, "--record", "own.Claim", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == said
    assert main(["show", run, "--record", "own.Clam"]) == 2
    assert "has no record `own.Clam`; did you mean `own.Claim`? it has: own.Claim" in capsys.readouterr().err
    assert main(["show", run, "--record", "own.Claim", "--solved"]) == 2
    assert "does not go with `--record own.Claim`: it selects trials" in capsys.readouterr().err


def open_run_lines(out: Path) -> list[dict]:
    return list(ste.open_run(out).records())
