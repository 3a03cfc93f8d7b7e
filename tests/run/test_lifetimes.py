"""Memories of records: what is remembered within a pass, a unit, and for ever."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste

REMEMBERING = """
dsl: 2
name: remembering
params: {items: [one, two], outer: 2, inner: 2}
plugins: [answering.py]
models: {model: {use: answering.Answering, heard: heard.jsonl}}
memory:
  past: {use: chroma, of: trial, lives: LIVES}
nodes:
  think: {use: chat, model: model, prompt: think.md, memories: [past], outputs: {text: str}}
graph:
  - map: item
    over: params.items
    do:
      - repeat: outer
        times: params.outer
        do:
          - repeat: inner
            times: params.inner
            do:
              - think
              - record: trial
                as: {query: think.text, steps: "[]", answer: think.text, solved: true}
"""


@pytest.fixture
def remembering(tiny: Path) -> Callable[[str], Path]:
    """A workflow whose memory lives so long; its prompts are `ITEM OUTER INNER: ` and what is remembered."""

    def write(lives: str) -> Path:
        (tiny.parent / "think.md").write_text(
            "{{ item }} {{ outer }} {{ inner }}:{% for entry in past.entries %} {{ entry.item }}"
            "{{ entry.outer }}{{ entry.inner }}{% endfor %}"
        )
        tiny.write_text(REMEMBERING.replace("LIVES", lives), encoding="utf-8")
        return tiny

    return write


def shown(folder: Path) -> dict[str, str]:
    heard = (folder / "heard.jsonl").read_text().splitlines()
    return dict(json.loads(line)[-1]["content"].split(":") for line in heard)


@pytest.mark.parametrize(
    ("lives", "expected"),
    [
        ("item", ["", " one00", " one00 one01", " one00 one01 one10"]),
        ("outer", ["", " one00", "", " one10"]),
        ("inner", ["", "", "", ""]),
    ],
)
def test_a_record_is_remembered_within_its_pass_and_its_unit(
    remembering: Callable, tmp_path: Path, lives: str, expected: list[str]
) -> None:
    ste.load(remembering(lives)).run(out=tmp_path / "run")
    places = ["0 0", "0 1", "1 0", "1 1"]
    prompts = shown(tmp_path)
    assert [prompts[f"one {place}"] for place in places] == expected
    assert [prompts[f"two {place}"] for place in places] == [text.replace("one", "two") for text in expected]


BEHIND = """
dsl: 2
name: behind
plugins: [answering.py]
models: {model: {use: answering.Answering, heard: heard.jsonl}}
memory:
  past: {use: chroma, of: trial, lives: inner}
  talk: {use: transcript, lives: inner}
nodes:
  think: {use: chat, model: model, prompt: think.md, memories: [past], transcript: talk, outputs: {text: str}}
  after: {use: chat, model: model, prompt: after.md, memories: [past], transcript: talk, outputs: {word: str}}
graph:
  - repeat: outer
    times: 2
    do:
      - repeat: inner
        times: 2
        do: [think, {record: trial, as: {query: think.text, steps: "[]", answer: think.text, solved: true}}]
      - after
"""


@pytest.mark.parametrize("stop", [6, 3])
def test_what_lives_in_a_loop_can_be_read_after_it_until_a_loop_around_starts_anew(
    tiny: Path, tmp_path: Path, stop: int
) -> None:
    tiny.write_text(BEHIND, encoding="utf-8")
    seen = "{{ talk.messages | length }}{% for entry in past.entries %} {{ entry.outer }}{{ entry.inner }}{% endfor %}"
    (tmp_path / "think.md").write_text("think {{ outer }} {{ inner }}:" + seen)
    (tmp_path / "after.md").write_text("after {{ outer }}:" + seen)
    ste.load(tiny, set={"budget.model_calls": stop}).run(out=tmp_path / "run")
    assert ste.load(tiny).run(out=tmp_path / "run").complete
    assert shown(tmp_path) == {
        "think 0 0": "0",
        "think 0 1": "0",
        "after 0": "2 01",
        "think 1 0": "0",
        "think 1 1": "0",
        "after 1": "2 11",
    }


@pytest.mark.parametrize("place", ["in a folder", "on a server"])
def test_what_lives_forever_is_read_as_it_stood_when_the_run_began(
    remembering: Callable, tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    kept = "path: kept"
    if place == "on a server":
        kept = f"url: '{request.getfixturevalue('chroma_server')}'"
    workflow = remembering(f"forever, {kept}")
    first = ste.load(workflow, set={"params.items": ["one"]})
    second = ste.load(workflow, set={"params.items": ["one", "two"], "params.outer": 1})
    first.run(out=tmp_path / "first")
    assert shown(tmp_path)["one 1 1"] == " one00 one01 one10"
    (tmp_path / "heard.jsonl").unlink()

    stopped = ste.load(workflow, set={"params.items": ["one", "two"], "params.outer": 1, "budget.model_calls": 1})
    stopped.run(out=tmp_path / "second", concurrency=1)
    ste.load(workflow, set={"params.items": ["one"], "seed": 1}).run(out=tmp_path / "between")
    (tmp_path / "heard.jsonl").unlink()
    second.run(out=tmp_path / "second")
    before = " one00 one01 one10 one11"
    assert shown(tmp_path) == {"one 0 1": before + " one00", "two 0 0": "", "two 0 1": " two00"}


def test_a_model_of_meaning_that_cannot_be_had_stops_the_whole_run(remembering: Callable, tmp_path: Path) -> None:
    workflow = remembering("item, embedder: ./nowhere")
    with pytest.raises(ste.WorkflowError, match="no such folder"):
        ste.load(workflow).run(out=tmp_path / "run")
