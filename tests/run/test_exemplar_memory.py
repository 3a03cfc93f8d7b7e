"""`memory: {examples: {use: chroma, from: RUN}}` and the node `recall`, in whole runs."""

import json
import textwrap

import pytest

import ste_graph as ste
from ste_graph.diagnostics import DiagnosticsError

TOOLS = '''
import ste_graph as ste

@ste.tool(effect="read")
def double(number: int) -> str:
    """Double a number."""
    return str(2 * number)

@ste.tool(effect="read")
def shout(text: str) -> str:
    """Write a text in capitals."""
    return text.upper()
'''

WORKFLOW = """
dsl: 2
name: use
plugins: [asks.py]
tools: [{use: python, module: tools.py}]
memory:
  examples: {use: chroma, from: store}
nodes:
  ask: {use: asks.Ask}
  recall: {use: recall, memory: examples, k: 1}
graph:
  - map: tool
    over: tools
    do: [ask, recall]
variants:
  without: {memory.examples: off}
"""

ASKS = '''
from ste_graph.node import Node, NodeOutputs

class Ask(Node):
    """The same request every time."""

    class Outputs(NodeOutputs):
        """A request."""

        query: str

    async def __call__(self, inputs, ctx):
        return self.Outputs(query="Please double 4")
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"tools.py": TOOLS, "asks.py": ASKS, "use.yaml": WORKFLOW}.items():
        (tmp_path / name).write_text(textwrap.dedent(text).lstrip())
    return tmp_path


@pytest.fixture
def store(folder):
    from ste_graph.memory.exemplars.exemplar import Exemplar
    from ste_graph.memory.exemplars.store import ExemplarStore
    from ste_graph.records import StepObservation, TrialStep

    seen = StepObservation(ok=True, kind="ok", text="6")
    call = TrialStep(thought=None, action="double", arguments={"number": 3}, observation=seen)
    item = Exemplar(
        id="1", query="double 3", tool="double", calls=[call], verified=("format", "execution", "grounding")
    )
    with ExemplarStore.open(folder / "store", create=True) as store:
        store.add([item])


def recalled(run):
    found = {}
    for log in (run / "units").glob("*.jsonl"):
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        found[log.stem] = next(line["outputs"]["examples"] for line in lines if line.get("key") == "recall")
    return found


def test_a_node_recalls_exemplars_of_the_tool_at_hand_from_an_earlier_store(folder, store):
    ste.load("use.yaml").run(out=folder / "run")
    shown = 'User Query: double 3\nAction: double\nAction Input: {"number": 3}\nObservation: 6'
    assert recalled(folder / "run") == {"double": shown, "shout": ""}


def test_where_the_memory_is_off_there_is_nothing_to_recall(folder):
    ste.load("use.yaml", variant="without").run(out=folder / "run")
    assert recalled(folder / "run") == {"double": "", "shout": ""}


def test_an_exemplar_memory_lives_forever(folder):
    with pytest.raises(DiagnosticsError, match="`examples` is read from an earlier run and cannot live in `tool`"):
        ste.load("use.yaml", set={"memory.examples.lives": "tool"})
