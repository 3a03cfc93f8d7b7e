"""Errors of a user's own code: the place in the file, in the run and in that code, and the traceback."""

import json
import re
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.diagnostics import display_path

NODES = '''
import asyncio
import json
import sys
from typing import Any

from ste_graph.errors import SteError

from ste_graph.node import Node, NodeInputs, NodeOutputs


class Panic(BaseException):
    """As a library in Rust raises it: no `Exception`."""


class Odd(Node):
    """Does something odd in the second turn."""

    does: str

    class Inputs(NodeInputs):
        turn: int
        item: dict[str, Any]

    class Outputs(NodeOutputs):
        count: int

    def model_post_init(self, context):
        if self.does == "never made":
            raise Panic("not made")

    async def leave(self):
        sys.exit(4)

    async def __call__(self, inputs, ctx):
        if inputs.turn < 1:
            return self.Outputs(count=inputs.turn)
        match self.does:
            case "raise":
                raise KeyError("lost")
            case "exit":
                sys.exit("enough")
            case "panic":
                raise Panic("index out of bounds")
            case "task exit":
                await asyncio.gather(self.leave())
            case "huge":
                return self.Outputs(count=10**5000)
            case "cancel":
                raise asyncio.CancelledError
            case "none":
                return None
            case "wrong type":
                return self.Outputs(count="many")
            case "other output":
                return Other(words="many")
            case "refuse":
                raise SteError("nothing to count")
            case "library":
                return self.parse("{")
            case "change":
                inputs.item["told"].append("changed")
                return self.Outputs(count=len(inputs.item["told"]))


    def parse(self, text):
        return self.Outputs(count=json.loads(text))


class Other(NodeOutputs):
    words: str
'''

WORKFLOW = """
dsl: 2
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


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def run(tmp_path: Path):
    def run(does: str):
        (tmp_path / "nodes.py").write_text(NODES)
        (tmp_path / "odd.yaml").write_text(WORKFLOW.replace("DOES", does).replace("ITEMS", "params.items"))
        items = [{"name": "fine", "told": ["a", "b"]}]
        return ste.load(tmp_path / "odd.yaml", set={"params.items": items}).run(out=tmp_path / "run")

    return run


@pytest.mark.parametrize(
    ("does", "error", "line"),
    [
        ("raise", "KeyError: 'lost'", 'raise KeyError("lost")'),
        ("exit", "SystemExit: enough", 'sys.exit("enough")'),
        ("task exit", "TaskExitError: SystemExit: 4", "sys.exit(4)"),
        ("panic", "Panic: index out of bounds", 'raise Panic("index'),
        ("cancel", "the node was cancelled from within", "raise asyncio.CancelledError"),
        ("none", "returned a NoneType, not its `Outputs` (count)", "async def __call__"),
        (
            "wrong type",
            "ValidationError: `count`: Input should be a valid integer, unable to parse string as an integer",
            'count="many"',
        ),
        ("other output", "returned words, not count", "async def __call__"),
    ],
)
def test_an_error_of_a_node_fails_its_unit_and_names_the_place_in_the_file_and_in_the_code(
    run, tmp_path: Path, does: str, error: str, line: str
) -> None:
    summary = run(does)
    number = next(number for number, text in enumerate(NODES.splitlines(), 1) if line in text)
    place = f"{tmp_path / 'nodes.py'}:{number} Odd.{'leave' if does == 'task exit' else '__call__'}"
    assert summary.failed == {"fine": f"{tmp_path / 'odd.yaml'}:15 node odd, item=fine turn 1: {error} ({place})"}
    assert (summary.done, summary.stopped_by) == (0, None)


def test_a_node_that_cannot_be_made_is_named_with_its_place(run, tmp_path: Path) -> None:
    [why] = run("never made").failed.values()
    assert why.startswith("node odd, item=fine: Panic: not made (")
    assert why.endswith("Odd.model_post_init)")


def test_an_integer_that_python_does_not_write_is_reported_with_its_node(run, tmp_path: Path) -> None:
    [why] = run("huge").failed.values()
    place = f"{tmp_path / 'odd.yaml'}:15 node odd, item=fine turn 1"
    assert why.startswith(f"{place}: its outputs cannot be logged (Exceeds")


def test_the_whole_traceback_of_a_node_is_in_the_events(run, tmp_path: Path) -> None:
    summary = run("raise")
    [failed] = [event for event in events(tmp_path / "run") if event["event"] == "failed"]
    assert failed["why"] == summary.failed["fine"]
    assert failed["traceback"].startswith("Traceback (most recent call last):\n")
    assert f'File "{tmp_path / "nodes.py"}", line ' in failed["traceback"]
    assert "KeyError: 'lost'" in failed["traceback"]


def test_an_error_that_a_node_raises_on_purpose_is_left_as_it_is(run, tmp_path: Path) -> None:
    summary = run("refuse")
    assert summary.failed["fine"].endswith("node odd, item=fine turn 1: SteError: nothing to count")
    [failed] = [event for event in events(tmp_path / "run") if event["event"] == "failed"]
    assert "traceback" not in failed


def test_of_a_library_below_a_node_the_nodes_own_line_is_named(run, tmp_path: Path) -> None:
    summary = run("library")
    assert re.search(r"JSONDecodeError: .* \(.*/nodes\.py:\d+ Odd\.parse\)$", summary.failed["fine"])


TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def find(name: str) -> str:
    """Find a person."""
    return look_up({"Ada": "here"}, name)


def look_up(people, name):
    return people[name]
'''

CALLING = """
dsl: 2
name: calling
plugins: [nodes.py]
tools: [{use: python, module: tools.py}]
params: {names: [Bob, Ada, Eve]}
nodes: {call: {use: nodes.Find}}
graph:
  - map: name
    over: params.names
    do: [call]
"""

FINDING = """
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Find(Node):
    tool_calls = 1

    class Inputs(NodeInputs):
        name: str

    class Outputs(NodeOutputs):
        text: str

    async def __call__(self, inputs, ctx):
        return self.Outputs(text=(await ctx.call_tool("find", {"name": inputs.name})).text)
"""


def test_where_a_tool_raises_the_summary_names_its_line_and_the_events_have_one_traceback(tmp_path: Path) -> None:
    for name, text in {"tools.py": TOOLS, "nodes.py": FINDING, "calling.yaml": CALLING}.items():
        (tmp_path / name).write_text(text)
    summary = ste.load(tmp_path / "calling.yaml").run(out=tmp_path / "run")
    place = f"{tmp_path / 'tools.py'}:12 look_up"
    assert summary.complete
    assert summary.remarks == [f"`find` raised 2 times (traceback in events.jsonl), KeyError ({place})"]
    [error] = [event for event in events(tmp_path / "run") if event["event"] == "tool_error"]
    first = error["unit"]  # units run side by side
    assert first in ("Bob", "Eve")
    assert (error["tool"], error["why"]) == ("find", f"KeyError: '{first}' ({place})")
    assert "line 8, in find" in error["traceback"]
    seen = [
        step.outputs["text"] for log in ste.open_run(tmp_path / "run").logs().values() for step in log.finished.values()
    ]
    assert seen == ["KeyError: 'Bob'", "here", "KeyError: 'Eve'"]  # a model is shown no place


def test_an_error_of_a_data_source_names_its_line(tmp_path: Path) -> None:
    source = (
        "from ste_graph.contracts import Frozen\n\n\nclass Lines(Frozen):\n    def items(self):\n        return 1 / 0\n"
    )
    (tmp_path / "lines.py").write_text(source)
    (tmp_path / "data.yaml").write_text(
        "dsl: 2\nname: data\nplugins: [lines.py, nodes.py]\ndata: {lines: {use: lines.Lines}}\n"
        "nodes: {call: {use: nodes.Find}}\ngraph: [{map: name, over: data.lines, do: [call]}]\n"
    )
    (tmp_path / "nodes.py").write_text(FINDING)
    with pytest.raises(
        ste.WorkflowError, match=r"data `lines`: ZeroDivisionError: .* \(.*/lines\.py:6 Lines\.items\)$"
    ):
        ste.load(tmp_path / "data.yaml").run(out=tmp_path / "run")


def test_a_plugin_that_fails_to_import_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import json\n\n\ndef parse():\n    return json.loads('{')\n\n\nparse()\n")
    (tmp_path / "plugin.yaml").write_text("dsl: 2\nname: plugin\nplugins: [broken.py]\ngraph: []\n")
    with pytest.raises(
        ste.WorkflowError, match=r"`broken\.py` fails to import: JSONDecodeError: .* \(.*/broken\.py:5 parse\)"
    ):
        ste.load(tmp_path / "plugin.yaml")


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

    assert fault("Now fulfil") == f"{display_path(paper)}:{first} node call, tool=sqrt episode 0 trial 0: out of order"
    assert (
        fault("Observation: ")
        == f"{display_path(paper)}:{again} node call, tool=sqrt episode 0 trial 0 turn 0: out of order"
    )
