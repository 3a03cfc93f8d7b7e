"""Forks of runs with parts, with files, with `reset:` and with memories that others fill too."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.errors import WorkflowError
from ste_graph.run.forks.fork import Fork

WHOLE = """
dsl: 2
name: whole
params: {items: [one, two], turns: 2, rounds: 2}
plugins: [keeping.py]
nodes: {keep: {use: keeping.Keep}}
graph:
  - run: tiny.yaml
    name: first
    with: {params.items: params.items, params.turns: params.turns}
  - repeat: round
    times: params.rounds
    do:
      - keep
      - run: tiny.yaml
        name: again
        with: {params.turns: "1"}
      - record: trial
        as: {query: first.run, steps: "[]", answer: keep.file, solved: true}
"""

KEEPING = """
from pathlib import Path

from ste_graph.node import Node, NodeOutputs


class Keep(Node):
    class Outputs(NodeOutputs):
        file: str

    async def __call__(self, inputs, ctx):
        file = ctx.output_path("kept")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write("kept\\n")
        return self.Outputs(file=str(file))
"""


@pytest.fixture
def whole(tiny: Path) -> Path:
    """A workflow that runs `tiny.yaml` once, and then once a round, and keeps a file."""
    (tiny.parent / "keeping.py").write_text(KEEPING, "utf-8")
    file = tiny.parent / "whole.yaml"
    file.write_text(WHOLE, "utf-8")
    assert ste.load(file).run(out=tiny.parent / "origin").complete
    return file


def kept(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text("utf-8").splitlines()]


def texts_in(run: Path) -> str:
    files = (file for file in run.rglob("*") if file.suffix in (".jsonl", ".yaml"))
    return "".join(file.read_text("utf-8") for file in files)


def test_a_fork_owns_the_parts_and_files_that_its_steps_refer_to(
    whole: Path, tmp_path: Path, heard: Callable[[], list[str]]
) -> None:
    before = (tmp_path / "origin/files/run/kept").read_text()
    asked = len(heard())
    summary = ste.load(whole).run(out=tmp_path / "fork", fork=Fork(tmp_path / "origin", "round=1"))
    assert summary.complete
    assert len(heard()) == asked + 3, "the part of round 1 alone was run"
    fork = tmp_path / "fork"
    assert {line["query"] for line in kept(fork)} == {str(fork / "runs/first")}
    assert {line["answer"] for line in kept(fork)} == {str(fork / "files/run/kept")}
    assert [part.path.name for part in ste.open_run(fork).sub_runs] == ["again.round-0", "again.round-1", "first"]
    assert str(tmp_path / "origin") not in texts_in(fork)
    assert (tmp_path / "origin/files/run/kept").read_text() == before, "what the fork writes is its own"
    shutil.rmtree(tmp_path / "origin")
    assert ste.open_run(fork / "runs/first").summary().records == {"trial": 4}
    assert ste.load(whole).run(out=fork).complete


def test_a_run_that_was_moved_is_forked_where_it_lies_now(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "origin").rename(tmp_path / "moved")
    assert ste.load(whole).run(out=tmp_path / "fork", fork=Fork(tmp_path / "moved", "round=1")).complete
    assert {line["query"] for line in kept(tmp_path / "fork")} == {str(tmp_path / "fork/runs/first")}


def test_a_part_that_is_gone_is_named_before_anything_is_written(whole: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "origin/runs/first")
    with pytest.raises(WorkflowError, match=r"origin/runs/first: the run of the part `first` is gone"):
        ste.load(whole).run(out=tmp_path / "fork", fork=Fork(tmp_path / "origin", "round=1"))
    assert not (tmp_path / "fork").exists()


def test_a_point_within_a_part_says_where_to_look(whole: Path, tiny: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    inside = "item=one,turn=1"
    with pytest.raises(WorkflowError) as caught:
        ste.load(whole).run(out=tmp_path / "fork", fork=Fork(origin, inside))
    assert "`item` is a loop of the part `first`, a run of its own: give tiny.yaml as the workflow" in str(caught.value)
    with pytest.raises(WorkflowError) as caught:
        ste.load(tiny).run(out=tmp_path / "fork", fork=Fork(origin, inside))
    assert f"It is a run of `whole`, whose parts {origin}/runs/again.round-0, " in str(caught.value)
    summary = ste.load(tiny).run(out=tmp_path / "fork", fork=Fork(origin / "runs/first", inside))
    assert summary.complete
    [remark] = summary.remarks
    assert "is a part of a run that gave it other settings" in remark
    assert "workflow.params.turns: 2, now 3" in remark
    same = ste.load(tiny, set={"params.turns": 2, "params.items": ["one", "two"]})
    assert same.run(out=tmp_path / "same", fork=Fork(origin / "runs/first", inside)).remarks == []


COUNTER = '''
import json
from pathlib import Path

import ste_graph as ste

STATE = Path(__file__).with_name("state.txt")


@ste.tool(effect="write")
def add(number: int) -> int:
    """Add a number to the sum."""
    total = int(STATE.read_text() if STATE.exists() else 0) + number
    STATE.write_text(str(total))
    return total


@ste.tool(effect="write")
def clear() -> str:
    """Set the sum to nothing."""
    STATE.write_text("0")
    return "cleared"
'''

ADDING = """
from ste_graph.node import Node, NodeOutputs


class Add(Node):
    tool_calls = 1
    number: int = 1

    class Outputs(NodeOutputs):
        total: str

    async def __call__(self, inputs, ctx):
        seen = await ctx.call_tool("add", {"number": self.number})
        return self.Outputs(total=seen.text)
"""

RESETTING = """
dsl: 2
name: resetting
params: {episodes: 2, trials: 3}
plugins: [adding.py]
allow: [add]
tools: [{use: python, module: counter.py}]
nodes:
  more: {use: adding.Add, number: 10}
  attempt: {use: adding.Add}
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
              - more
              - attempt
              - record: trial
                as: {query: attempt.total, steps: "[]", answer: attempt.total, solved: true}
variants:
  resets: {reset: {before: episode, tool: clear}}
  off: {reset: {before: episode, tool: clear}, nodes.more: off}
  each: {reset: {before: trial, tool: clear}}
"""


@pytest.fixture
def resetting(tmp_path: Path) -> Callable[..., list[str]]:
    """Run the workflow of a sum that each episode begins anew; returns the sums that its trials saw."""
    (tmp_path / "counter.py").write_text(COUNTER, "utf-8")
    (tmp_path / "adding.py").write_text(ADDING, "utf-8")
    (tmp_path / "resetting.yaml").write_text(RESETTING, "utf-8")

    def run(out: str, variant: str | None = "resets", fork: Fork | None = None, remarks: int = 0) -> list[str]:
        (tmp_path / "state.txt").write_text("500")
        summary = ste.load(tmp_path / "resetting.yaml", variant=variant).run(out=tmp_path / out, fork=fork)
        assert summary.complete, summary.failed
        assert sum("may have changed something" in remark for remark in summary.remarks) == remarks
        seen = {(line["episode"], line["trial"]): line["answer"] for line in kept(tmp_path / out)}
        return [seen[place] for place in sorted(seen)]

    return run


WITH_RESET = ["11", "22", "33"]


def test_a_fork_within_a_pass_that_a_reset_begins_makes_the_calls_of_that_pass_again(
    resetting: Callable, tmp_path: Path
) -> None:
    assert resetting("origin") == WITH_RESET * 2
    at = Fork(tmp_path / "origin", "tool=add,episode=1,trial=1")
    assert resetting("fork", fork=at) == WITH_RESET * 2
    assert resetting("next", fork=Fork(tmp_path / "origin", "tool=add,episode=1")) == WITH_RESET * 2
    assert resetting("each", "each", fork=at) == [*WITH_RESET, "11", "11", "11"]


def test_calls_of_a_node_that_the_arm_switches_off_stay_in_the_state_of_the_tools(
    resetting: Callable, tmp_path: Path
) -> None:
    resetting("origin")
    seen = resetting("fork", "off", fork=Fork(tmp_path / "origin", "tool=add,episode=1,trial=2"))
    assert seen == [*WITH_RESET, "11", "22", "23"]


def test_an_arm_without_a_reset_finds_the_tools_as_they_are_and_is_told(resetting: Callable, tmp_path: Path) -> None:
    resetting("origin")
    seen = resetting("fork", None, Fork(tmp_path / "origin", "tool=add,episode=1,trial=2"), remarks=1)
    assert seen == [*WITH_RESET, "11", "22", "511"]


def test_calls_that_a_run_without_a_reset_did_not_log_are_no_ground_for_one_with_it(
    resetting: Callable, tmp_path: Path
) -> None:
    resetting("origin", None)
    with pytest.raises(
        WorkflowError,
        match=r"`reset:` begins each `episode`, and the step `more episode=1 trial=0` before the point called `add`.*"
        "did not log with what. Fork where such a pass begins",
    ):
        resetting("fork", fork=Fork(tmp_path / "origin", "tool=add,episode=1,trial=1"))
    assert resetting("next", fork=Fork(tmp_path / "origin", "tool=add,episode=1"))[3:] == WITH_RESET


def test_a_fork_does_not_know_what_its_origin_left_in_a_lasting_memory_after_the_point(
    tiny: Path, tmp_path: Path, heard: Callable[[], list[str]]
) -> None:
    text = tiny.read_text("utf-8").replace("{talk: {use: transcript, lives: item}}", "{past: {use: list}}")
    memory = "{use: chroma, of: trial, lives: forever, path: shared}"
    text = text.replace("{use: list}", memory).replace("transcript: talk", "memories: [past]")
    tiny.write_text(text, "utf-8")
    (tmp_path / "think.md").write_text(
        "{{ item }}{{ turn }}:{% for entry in past.entries %} {{ entry.item }}{{ entry.turn }}{% endfor %}", "utf-8"
    )
    load = ste.load(tiny, set={"params.items": ["one"], "params.turns": 2})
    load.run(out=tmp_path / "earlier")
    other = ste.load(tiny, set={"params.items": ["one"], "params.turns": 4, "seed": 1})
    other.run(out=tmp_path / "origin")
    whole = heard()[-1]
    assert re.fullmatch(r"one3: one0 one1 one0 one1 one2", whole)
    other.run(out=tmp_path / "fork", fork=Fork(tmp_path / "origin", "item=one,turn=3"))
    assert heard()[-1] == whole
    assert other.run(out=tmp_path / "origin").complete
