"""The workflow `call_first`: arguments, then a request for them, then the call as the request alone tells it."""

import json
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.contracts import Entry, Neighbour, Reply
from ste_graph.nodes.check_request import CheckRequest
from ste_graph.nodes.devise import Devise
from ste_graph.prompts.prompt import Prompt

WORKFLOWS = Path(__file__).parents[2] / "workflows"
PARAMETERS = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["item", "count"],
}
TOOL = {"name": "shop", "description": "Order an item.", "parameters": PARAMETERS}
TOOLS = '''
from typing import Literal

import ste_graph as ste


@ste.tool(effect="read")
def add_days(start: str, days: int) -> str:
    """Count on from a day."""
    return f"{start} and {days} days"


@ste.tool(effect="read")
def shop(item: str, size: Literal["small", "large"], count: int, gift: bool = False) -> str:
    """Order something."""
    return f"{count} {size} {item}"
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("call_first")
    (folder / "tools.py").write_text(TOOLS, "utf-8")
    changes = {
        "models.main": {"use": "simulated"},
        "params": {"episodes": 2, "trials": 3, "turns": 4},
        "tools": [{"use": "python", "module": str(folder / "tools.py")}],
    }
    summary = ste.load(WORKFLOWS / "call_first.yaml", set=changes).run(out=folder / "run")
    assert summary.complete
    return folder / "run"


def steps(run: Path, tool: str) -> list[tuple[str, dict]]:
    """The finished nodes of a unit with their log lines, in order."""
    lines = map(json.loads, (run / "units" / f"{tool}.jsonl").read_text("utf-8").splitlines())
    return [(line["key"].split()[0], line) for line in lines if "outputs" in line]


@pytest.mark.parametrize("tool", ["add_days", "shop"])
def test_each_request_states_the_values_that_were_drawn_and_the_call_is_read_from_it(run: Path, tool: str) -> None:
    found = [(node, line["outputs"]) for node, line in steps(run, tool)]
    drawn = [given["drawn"] for node, given in found if node == "devise" and given["fault"] is None]
    requests = [given["query"] for node, given in found if node == "imagine"]
    assert len(drawn) == len(requests) == 6
    assert len({json.dumps(arguments, sort_keys=True) for arguments in drawn}) == 6
    for arguments, request in zip(drawn, requests, strict=True):
        assert all(str(value) in request for value in arguments.values() if not isinstance(value, bool))
    journal = [json.loads(line) for line in (run / "journal.jsonl").read_text("utf-8").splitlines()]
    trials = [line for line in journal if line["tool"] == tool]
    assert [trial["query"] for trial in trials] == requests
    assert [trial["steps"][-1]["arguments"] for trial in trials] == drawn


def test_what_was_drawn_is_in_no_message_before_the_call_but_as_the_request_words_it(run: Path) -> None:
    speakers = [node for node, line in steps(run, "shop") if line.get("messages")]
    assert {*speakers} == {"call"}
    first = next(line for node, line in steps(run, "shop") if node == "call")
    request = next(line["outputs"]["query"] for node, line in steps(run, "shop") if node == "imagine")
    assert first["messages"][0]["content"] == f"The request: {request}"


def earlier(arguments: dict) -> Neighbour:
    seen = {"ok": True, "kind": "ok", "text": "done"}
    steps_made = [{"thought": None, "action": "shop", "arguments": arguments, "observation": seen}]
    return Neighbour(similarity=1, entry=Entry(id="1", scope=("shop",), text="", record={"steps": steps_made}))


@pytest.mark.parametrize(
    ("reply", "drawn", "fault"),
    [
        (Reply(text='{"action": "shop", "arguments": {"item": "tea", "count": 2}}'), {"item": "tea", "count": 2}, None),
        (Reply(text='```json\n{"name": "shop", "arguments": {"item": "tea", "count": "2"}}\n```'),
         {"item": "tea", "count": 2}, None),
        (Reply(text='{"action": "shop", "arguments": {"item": "tea"}}'), {"item": "tea"}, "`count`: required"),
        (Reply(text='{"action": "shop", "arguments": {"count": 3, "item": "milk"}}'), {"item": "milk", "count": 3},
         "was made before"),
        (Reply(text="I would order some tea."), {}, "not a JSON object"),
        (Reply(text=""), {}, "not a JSON object"),
    ],
)  # fmt: skip
async def test_what_the_schema_refuses_or_was_called_before_is_a_fault(
    reply: Reply, drawn: dict, fault: str | None, context, recall, model
) -> None:
    node = Devise(model=model, prompt=Prompt("One more call:"), memory=recall(earlier({"item": "milk", "count": 3})))
    asked = context(reply)
    found = await node(Devise.Inputs(tool=TOOL), asked)
    assert found.drawn == drawn
    assert (found.fault is None) == (fault is None)
    assert fault is None or fault in (found.fault or "")
    assert asked.asked[0]["schema"]["properties"]["arguments"]["required"] == ["item", "count"]


async def test_a_tool_without_parameters_has_one_call_which_is_no_fault_the_second_time(context, recall, model) -> None:
    tool = {"name": "now", "parameters": {"type": "object", "properties": {}}}
    node = Devise(model=model, prompt=Prompt("One more call:"), memory=recall(earlier({})))
    found = await node(Devise.Inputs(tool=tool), context('{"action": "now", "arguments": {}}'))
    assert (found.drawn, found.fault) == ({}, None)


@pytest.mark.parametrize(
    ("request_", "missing"),
    [
        ("Could you get me two packets of green tea?", None),
        ("Could you get me 2 packets of something hot?", 'item "green tea"'),
        ("Could you get me some green tea?", "count 2"),
        ("Could you get me 3 packets of green tea?", "count"),
    ],
)
async def test_a_request_for_a_call_has_to_state_each_of_its_values(request_: str, missing: str | None) -> None:
    parameters = {**PARAMETERS, "required": ["item"]}
    inputs = CheckRequest.Inputs(
        query=request_, tool={**TOOL, "parameters": parameters}, drawn={"item": "green tea", "count": 2}
    )
    reason = (await CheckRequest()(inputs, None)).reason
    assert (reason is None) == (missing is None)
    assert missing is None or missing in (reason or "")


async def test_the_reason_itself_is_no_request_though_it_names_the_values() -> None:
    drawn = {"item": "green tea", "count": 2}
    asked = CheckRequest.Inputs(
        query="Could you get me something hot, please?", tool=TOOL | {"parameters": {}}, drawn=drawn
    )
    reason = (await CheckRequest()(asked, None)).reason or ""
    assert "green tea" in reason
    assert not (await CheckRequest()(asked.model_copy(update={"query": reason}), None)).valid


async def test_values_that_are_composed_need_not_be_in_the_request() -> None:
    inputs = CheckRequest.Inputs(query="What do we sell most?", tool=TOOL | {"parameters": {}}, drawn={"sql": "SELECT"})
    assert not (await CheckRequest()(inputs, None)).valid
    assert (await CheckRequest(free=("sql",))(inputs, None)).valid
