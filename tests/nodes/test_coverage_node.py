import json
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.contracts import Entry, Neighbour
from ste_graph.nodes.coverage import Coverage

WORKFLOWS = Path(__file__).parents[2] / "workflows"
TOOL = {"name": "now", "parameters": {"type": "object", "properties": {"exact": {"type": "boolean"}}}}


def trial(number: int, arguments: dict) -> Neighbour:
    seen = {"ok": True, "kind": "ok", "text": "noon"}
    steps = [{"thought": None, "action": "now", "arguments": arguments, "observation": seen}]
    kept = {"query": f"request {number}", "steps": steps, "new": True}
    return Neighbour(similarity=1.0, entry=Entry(id=str(number), scope=("now",), text="", record=kept))


@pytest.mark.parametrize(("repeated", "saturated"), [(0, False), (2, False), (3, True), (4, True)])
async def test_it_is_saturated_once_as_many_trials_as_its_patience_added_nothing(
    recall, context, repeated: int, saturated: bool
) -> None:
    entries = [trial(number, {"exact": True}) for number in range(1 + repeated)]
    found = await Coverage(memory=recall(*entries), patience=3)(Coverage.Inputs(tool=TOOL), context())
    assert found.model_dump(exclude={"spread"}) == {
        "parameters": ["exact"],
        "values": ["exact=true"],
        "errors": [],
        "requests": 1,
        "idle": repeated,
        "unused": ["exact=false"],
        "parameter_count": 1,
        "value_count": 2,
        "saturated": saturated,
    }


async def test_a_memory_that_is_off_is_never_saturated(recall, context) -> None:
    found = await Coverage(memory=recall())(Coverage.Inputs(tool=TOOL), context())
    assert (found.saturated, found.requests, found.spread) == (False, 0, None)


TOOLS = '''
from typing import Literal

import ste_graph as ste


@ste.tool(effect="read")
def noon() -> str:
    """Tell when the sun stands highest."""
    return "12:00"


@ste.tool(effect="read")
def shop(item: str, size: Literal["small", "medium", "large", "huge"], count: int, gift: bool = False) -> str:
    """Order an item of a size from the shop, as often as you say."""
    return f"{count} {size} {item}"
'''


def test_a_tool_without_arguments_needs_few_episodes_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS, "utf-8")
    changes = {
        "models.explorer": {"use": "simulated"},
        "params": {"episodes": 6, "trials": 3, "turns": 4},
        "tools": [{"use": "python", "module": str(tmp_path / "tools.py")}],
    }
    summary = ste.load(WORKFLOWS / "adaptive.yaml", set=changes).run(out=tmp_path / "run")
    assert summary.complete
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text("utf-8").splitlines()]
    episodes = {tool: {line["episode"] for line in lines if line["tool"] == tool} for tool in ("noon", "shop")}
    assert max(episodes["noon"]) < 3
    assert max(episodes["shop"]) > max(episodes["noon"])
    assert {tool for tool, passes in episodes.items() if passes == set(range(6))} <= {"shop"}
