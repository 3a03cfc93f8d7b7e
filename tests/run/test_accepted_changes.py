"""Code, prompts and tools that change in the middle of a run: refused, or accepted from a step on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import ste_graph as ste

REFUSED = (
    "help: undo the change to go on with it, or add --accept-changes to go on under it, "
    "or give a new folder with --out."
)
BUDGET = {"budget.model_calls": 4}


def lock_file(run: Path) -> dict:
    return yaml.safe_load((run / "workflow.lock.yaml").read_text("utf-8"))


@pytest.fixture
def begun(tiny: Path, tmp_path: Path) -> Path:
    """A run of `tiny` in which a budget has left some units unfinished."""
    ste.load(tiny, set=BUDGET).run(out=tmp_path / "run", concurrency=1)
    return tmp_path / "run"


def test_a_change_of_a_plugin_is_refused_with_the_way_out_and_goes_on_once_it_is_accepted(
    tiny: Path, begun: Path, journal: Callable
) -> None:
    ste.load(tiny).run(out=tiny.parent / "whole")
    with (tiny.parent / "answering.py").open("a") as plugin:
        plugin.write("BETTER = True\n")
    with pytest.raises(ste.WorkflowError) as caught:
        ste.load(tiny).run(out=begun)
    assert str(caught.value) == (
        f"{begun}: this folder is a run of a workflow that differs from {tiny}:\n"
        f"  the code of `answering.py` has changed\n{REFUSED}"
    )
    finished = {name: len(log.finished) for name, log in ste.open_run(begun).logs().items() if not log.done}
    assert ste.load(tiny).run(out=begun, accept_changes=True).complete
    assert journal(begun) == journal(tiny.parent / "whole")
    [entry] = lock_file(begun)["accepted"]
    assert entry["from_step"] == {name: count + 1 for name, count in finished.items()}
    assert [change["at"] for change in entry["changes"]] == [["resolved", "code", "answering.py"]]


def test_a_change_is_accepted_once(tiny: Path, begun: Path) -> None:
    with (tiny.parent / "answering.py").open("a") as plugin:
        plugin.write("BETTER = True\n")
    ste.load(tiny, set={"budget.model_calls": 6}).run(out=begun, accept_changes=True, concurrency=1)
    assert ste.load(tiny).run(out=begun).complete
    assert len(lock_file(begun)["accepted"]) == 1


def test_after_a_changed_prompt_only_later_steps_are_asked_and_under_the_new_one(
    tiny: Path, begun: Path, heard: Callable
) -> None:
    before = heard()
    (tiny.parent / "think.md").write_text("Think hard of {{ item }}, turn {{ turn }}.")
    with pytest.raises(ste.WorkflowError, match=r"the prompt `think\.prompt` has changed: \"Think of "):
        ste.load(tiny).run(out=begun)
    assert ste.load(tiny).run(out=begun, accept_changes=True).complete
    later = heard()[len(before) :]
    assert len(before) + len(later) == 9
    assert all(text.startswith("Think hard of ") for text in later)
    [entry] = lock_file(begun)["accepted"]
    assert entry["changes"] == [
        {"at": ["resolved", "prompts", "think.prompt"], "now": "Think hard of {{ item }}, turn {{ turn }}."}
    ]
    events = [json.loads(line) for line in (begun / "events.jsonl").read_text("utf-8").splitlines()]
    assert [event["change"][:40] for event in events if event["event"] == "change_accepted"] == [
        'the prompt `think.prompt` has changed: "'
    ]


TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number
'''

CALLING = """
dsl: 2
name: calling
params: {turns: 3}
plugins: [nodes.py]
tools: [{use: python, module: tools.py}]
nodes: {call: {use: nodes.Call}}
graph:
  - map: tool
    over: tools
    do:
      - repeat: turn
        times: params.turns
        do:
          - call
          - record: trial
            as: {query: '"two"', steps: "[]", answer: call.text, solved: true}
"""

NODES = """
from pathlib import Path

from ste_graph.node import Node, NodeOutputs


class Call(Node):
    tool_calls = 1

    class Outputs(NodeOutputs):
        text: str

    async def __call__(self, inputs, ctx):
        if (Path(__file__).parent / "broken").exists() and ctx.tools["double"]["description"] != "Add it to itself.":
            raise OSError("broken")
        return self.Outputs(text=(await ctx.call_tool("double", {"number": 2})).text)
"""


@pytest.fixture
def calling(tmp_path: Path) -> Path:
    """A workflow that calls a tool of the user's three times."""
    for name, text in {"tools.py": TOOLS, "nodes.py": NODES, "calling.yaml": CALLING}.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "calling.yaml"


def test_a_run_goes_on_with_a_tool_that_was_repaired(calling: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    assert ste.load(calling).run(out=tmp_path / "run").failed
    (tmp_path / "tools.py").write_text(TOOLS.replace("Double a number.", "Add it to itself."))
    with pytest.raises(ste.WorkflowError, match=r"the code of `tools\.py` has changed\n.* --accept-changes"):
        ste.load(calling).run(out=tmp_path / "run")
    assert ste.load(calling).run(out=tmp_path / "run", accept_changes=True).complete
    [entry] = lock_file(tmp_path / "run")["accepted"]
    assert entry["from_step"] == {"double": 1}
    assert [".".join(change["at"]) for change in entry["changes"]] == [
        "resolved.code.tools.py",
        "units.double",
        "tools.double",
        "descriptions.double",
    ]
    fingerprints = {trial.fingerprint for trial in ste.open_run(tmp_path / "run").trials()}
    assert fingerprints == {next(change["now"] for change in entry["changes"] if change["at"][0] == "tools")}
    assert ste.load(calling).run(out=tmp_path / "run").complete


@pytest.mark.parametrize(
    "change", [{"params.turns": 4}, {"seed": 7}, {"models.model.tokens": 5}, {"graph.turn.times": 2}]
)
def test_a_change_that_takes_the_finished_steps_their_meaning_stays_refused(
    tiny: Path, begun: Path, change: dict
) -> None:
    way_out = r"\nhelp: undo the change to go on with it, or give a new folder with --out\.$"
    with pytest.raises(ste.WorkflowError, match=way_out):
        ste.load(tiny, set=change).run(out=begun, accept_changes=True)


def test_other_outputs_than_those_that_are_logged_are_refused(calling: Path, tmp_path: Path) -> None:
    ste.load(calling, set={"budget.tool_calls": 1}).run(out=tmp_path / "run")
    other = NODES.replace("text: str", "text: str\n        more: str | None = None")
    (tmp_path / "nodes.py").write_text(other)
    with pytest.raises(ste.RunError) as caught:
        ste.load(calling).run(out=tmp_path / "run", accept_changes=True)
    assert str(caught.value) == (
        f"{tmp_path / 'run/units/double.jsonl'}: the step `call turn=0` has the outputs text, "
        "but the node `call` now has text, more; undo that change to go on with the run, or start a new one with --out"
    )


def test_the_change_of_a_sub_workflow_is_accepted_with_its_caller(tiny: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text("dsl: 2\nname: whole\ngraph: [{run: tiny.yaml, name: first}]\n")
    ste.load(whole, set=BUDGET).run(out=tmp_path / "run", concurrency=1)
    with (tmp_path / "answering.py").open("a") as plugin:
        plugin.write("BETTER = True\n")
    with pytest.raises(ste.WorkflowError, match=r"the code of `answering\.py` of sub-workflow `first` has changed\n"):
        ste.load(whole).run(out=tmp_path / "run")
    assert ste.load(whole).run(out=tmp_path / "run", accept_changes=True).complete
    assert len(lock_file(tmp_path / "run")["accepted"]) == 1
    assert lock_file(tmp_path / "run/runs/first")["accepted"][0]["from_step"]


def test_a_finished_run_is_only_summed_up(tiny: Path, tmp_path: Path) -> None:
    ste.load(tiny).run(out=tmp_path / "run")
    with (tmp_path / "answering.py").open("a") as plugin:
        plugin.write("BETTER = True\n")
    before = lock_file(tmp_path / "run")
    assert ste.load(tiny).run(out=tmp_path / "run", accept_changes=True).complete
    assert lock_file(tmp_path / "run") == before


def test_the_command_line_accepts_changes(ste: Callable, tiny: Path, begun: Path) -> None:
    with (tiny.parent / "answering.py").open("a") as plugin:
        plugin.write("BETTER = True\n")
    refused = ste("run", tiny, "--out", begun)
    assert (refused.code, REFUSED in refused.err) == (2, True)
    accepted = ste("run", tiny, "--out", begun, "--accept-changes")
    assert accepted.code == 0
    assert "going on under a change: the code of `answering.py` has changed\n" in accepted.err


def test_a_run_of_an_older_version_is_refused_in_one_sentence(tiny: Path, begun: Path) -> None:
    lock = begun / "workflow.lock.yaml"
    lock.write_text(lock.read_text("utf-8").removeprefix("format: 4\n"), "utf-8")
    message = (
        f"{begun}: this run was made by an older version of ste-graph (format 1, expected 4); "
        "start a new run with --out"
    )
    with pytest.raises(ste.WorkflowError) as caught:
        ste.load(tiny).run(out=begun)
    assert str(caught.value) == message
    with pytest.raises(ste.WorkflowError) as caught:
        ste.open_run(begun)
    assert str(caught.value) == message
