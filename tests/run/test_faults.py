"""What a user's own node can do wrong, and where the run says it was."""

from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.language.diagnostics import shown

NODES = '''
import asyncio
import sys
from typing import Any

from ste_graph.node import Node, NodeInputs, NodeOutputs


class Odd(Node):
    """Does something odd in the second turn."""

    does: str

    class Inputs(NodeInputs):
        turn: int
        item: dict[str, Any]

    class Outputs(NodeOutputs):
        count: int

    async def __call__(self, inputs, ctx):
        if inputs.turn < 1:
            return self.Outputs(count=inputs.turn)
        match self.does:
            case "raise":
                raise KeyError("lost")
            case "exit":
                sys.exit("enough")
            case "cancel":
                raise asyncio.CancelledError
            case "none":
                return None
            case "wrong type":
                return self.Outputs(count="many")
            case "other output":
                return Other(words="many")
            case "change":
                inputs.item["told"].append("changed")
                return self.Outputs(count=len(inputs.item["told"]))


class Other(NodeOutputs):
    words: str
'''

WORKFLOW = """
dsl: 1
name: odd
plugins: [nodes.py]
params: {items: []}
nodes:
  odd: {use: nodes.Odd, does: DOES}
graph:
  - map: item
    over: ITEMS
    do:
      - repeat: turn
        times: 3
        do:
          - odd
          - when: turn == 1
            do: [odd]
"""


@pytest.fixture
def run(tmp_path: Path):
    def run(does: str):
        (tmp_path / "nodes.py").write_text(NODES)
        (tmp_path / "odd.yaml").write_text(WORKFLOW.replace("DOES", does).replace("ITEMS", "params.items"))
        items = [{"name": "fine", "told": ["a", "b"]}]
        return ste.load(tmp_path / "odd.yaml", set={"params.items": items}).run(out=tmp_path / "run")

    return run


@pytest.mark.parametrize(
    ("does", "fault"),
    [
        ("raise", "KeyError: 'lost'"),
        ("exit", "SystemExit: enough"),
        ("cancel", "the node was cancelled from within"),
        ("none", "gave a NoneType, not its `Outputs` (count)"),
        (
            "wrong type",
            "ValidationError: `count`: Input should be a valid integer, unable to parse string as an integer",
        ),
        ("other output", "gave words, not count"),
    ],
)
def test_a_fault_of_a_node_fails_its_unit_and_says_where(run, tmp_path: Path, does: str, fault: str) -> None:
    summary = run(does)
    assert summary.failed == {"fine": f"{tmp_path / 'odd.yaml'}:15 node odd, item=fine turn 1: {fault}"}
    assert (summary.done, summary.stopped_by) == (0, None)


def test_what_a_node_does_to_what_it_reads_reaches_nobody(run, tmp_path: Path) -> None:
    summary = run("change")
    assert summary.complete
    log = (tmp_path / "run" / "units" / "fine.jsonl").read_text()
    assert log.count('"count":3') == 3


def test_of_several_lines_the_one_is_named_at_which_the_run_was(tmp_path: Path) -> None:
    here = Path(__file__).parent
    paper = here.parents[1] / "workflows" / "paper.yaml"
    lines = paper.read_text().splitlines()
    first = next(number for number, line in enumerate(lines, 1) if line.strip() == "- call")
    again = next(number for number, line in enumerate(lines, 1) if "do: [observe, call]" in line)

    def fault(words: str) -> str:
        changes = {
            "plugins": [str(here / "answering.py")],
            "models.explorer": {"use": "answering.Answering", "fails_on": words},
            "tools": [{"use": "python", "module": "math:sqrt", "effects": {"sqrt": "read"}}],
            "memory.long_term": "off",
        }
        return ste.load(paper, set=changes).run(out=tmp_path / words).failed["sqrt"]

    assert fault("Now fulfil") == f"{shown(paper)}:{first} node call, tool=sqrt episode 0 trial 0: out of order"
    assert (
        fault("Observation: ") == f"{shown(paper)}:{again} node call, tool=sqrt episode 0 trial 0 turn 0: out of order"
    )
