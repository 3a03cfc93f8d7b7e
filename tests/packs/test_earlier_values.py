"""Values that exist, told by what a run goes on from: a pack, and an earlier exploration."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import ste_graph
from ste_graph.errors import WorkflowError
from ste_graph.language.loading import parse_change
from ste_graph.memory.values.settings import KnownValues
from ste_graph.packs.content import pack_files
from ste_graph.packs.manifest import FORMAT, Manifest, write_pack
from ste_graph.packs.pack import Pack, ToolDefinition
from ste_graph.packs.values import PackData
from ste_graph.run.tools import open_tools
from tests.memory.run_folder import write_run
from tests.packs.conftest import EVIDENCE, FakeTool, exemplar, plain_data

ORDERS = json.dumps({"orders": [{"id": "A-17", "note": "***"}, {"id": "A-18", "note": "card ***"}]})

TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def list_orders(status: str) -> dict:
    """List the orders.

    Args:
        status: Their status.
    """
    return {"orders": [{"id": "A-17"}, {"id": "A-18"}]}
'''
NEW = '''

@ste.tool(effect="read")
def show_quote(order_id: str) -> str:
    """Show the quote of an order.

    Args:
        order_id: The order.
    """
    return f"The quote of {order_id} is 5 euros."
'''


def orders(**changes: Any) -> FakeTool:
    return FakeTool("list_orders", {"status": {"type": "string"}}, **changes)


def quote() -> FakeTool:
    return FakeTool("show_quote", {"order_id": {"type": "string"}})


def told(memory: KnownValues, tools: list[FakeTool], folder: Path) -> set[str]:
    """The values for the new tool, after those that a memory knows of before the run."""
    store = memory.open("found", folder)
    store.begin_wave(0, memory.read_earlier(tools))
    definition = {"name": "show_quote", "description": "", "parameters": quote().parameters}
    drawn = store.draw(definition, 9, seed=1).get("order_id", [])
    assert store.waiting_rank(definition) == (0 if drawn else 2)
    return {str(value.value) for value in drawn}


def shop_data(gave: str = ORDERS, **seen: Any) -> PackData:
    data = plain_data()
    own = ToolDefinition.of(orders())
    line = exemplar("list_orders", "List the open orders.", {"status": "open"}, gave, own.fingerprint)
    line["calls"][0]["observation"] |= seen
    data.definitions["list_orders"] = own
    data.exemplars.append(line)
    return data


@pytest.fixture
def make_shop(make_pack):
    def make(data: PackData | None = None, **changes: Any) -> Pack:
        return make_pack("shop", data=data or shop_data(), **changes)

    return make


def test_a_new_tool_is_told_the_values_that_a_pack_shows(make_shop, tmp_path) -> None:
    memory = KnownValues(since=str(make_shop().path))
    assert told(memory, [orders(), quote()], tmp_path / "found") == {"A-17", "A-18"}
    assert memory.check_use([orders(), quote()], []) == []
    [result] = memory.read_earlier([orders(), quote()])
    assert (result.tool, result.source) == ("list_orders", "shop")


@pytest.mark.parametrize(
    "now",
    [
        pytest.param([], id="gone"),
        pytest.param([orders(description="List some of the orders.")], id="changed"),
        pytest.param([orders(effect="write")], id="writes now"),
        pytest.param([FakeTool("other_orders", {"status": {"type": "string"}})], id="called otherwise"),
    ],
)
def test_a_tool_that_is_not_as_it_was_tells_nothing(now, make_shop, tmp_path) -> None:
    memory = KnownValues(since=str(make_shop().path))
    assert told(memory, [*now, quote()], tmp_path / "found") == set()


def test_a_tool_that_wrote_in_the_pack_and_still_does_tells_nothing(make_shop, tmp_path) -> None:
    data = shop_data()
    data.definitions["list_orders"] = ToolDefinition.of(orders(effect="write"))
    memory = KnownValues(since=str(make_shop(data).path))
    assert told(memory, [orders(effect="write"), quote()], tmp_path / "found") == set()


@pytest.mark.parametrize(
    ("gave", "seen"),
    [
        (ORDERS, {"ok": False, "kind": "tool_error"}),
        (ORDERS, {"doubt": "it may report a failure"}),
        ("There are orders A-17 and A-18.", {}),
        (ORDERS[:20], {}),
        ("[" * 100_000, {}),
    ],
)
def test_an_answer_that_failed_or_is_no_data_tells_nothing(gave, seen, make_shop, tmp_path) -> None:
    memory = KnownValues(since=str(make_shop(shop_data(gave, **seen)).path))
    assert told(memory, [orders(), quote()], tmp_path / "found") == set()


def test_pseudonyms_are_no_values_and_the_way_out_is_named(make_shop, tmp_path) -> None:
    pack = make_shop(pseudonyms=True)
    memory = KnownValues(since=str(pack.path))
    assert told(memory, [orders(), quote()], tmp_path / "found") == set()
    [remark] = memory.check_use([orders(), quote()], [])
    assert "tells no values that exist for `show_quote`, since pseudonyms stand for them in it" in remark
    assert "--set params.values=RUN" in remark
    assert memory.check_use([orders()], []) == [], "no other tool needs any"


def test_a_pack_of_texts_says_that_it_tells_no_values(make_shop) -> None:
    data = shop_data()
    data.exemplars = []
    memory = KnownValues(since=str(make_shop(data).path))
    [remark] = memory.check_use([orders(), quote()], [])
    assert "since it holds no exemplars" in remark


def test_a_run_that_explored_nothing_is_refused(tmp_path) -> None:
    run = write_run(tmp_path / "run")
    with pytest.raises(WorkflowError, match=r"explored no tool; expected a run of explore\.yaml or gain\.yaml"):
        KnownValues(run=str(run)).check_use([], [])
    with pytest.raises(WorkflowError, match="is not the folder of a run"):
        KnownValues(run=str(tmp_path)).check_use([], [])


def test_a_fork_keeps_what_its_waves_began_with_unless_it_knows_another_earlier_run(tmp_path) -> None:
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "wave-0.json").write_text("[]", "utf-8")
    for number, (changed, is_copied) in enumerate(
        [((), True), (("given",), True), (("since",), False), (("run",), False)]
    ):
        KnownValues().carry_over(tmp_path / "origin", tmp_path / str(number), changed=changed)
        assert (tmp_path / str(number) / "wave-0.json").exists() is is_copied


def test_gain_hands_its_pack_and_the_earlier_run_to_the_exploration(tmp_path) -> None:
    changes = [parse_change(f"params.since={tmp_path / 'pack'}"), parse_change(f"params.values={tmp_path / 'run'}")]
    for variant in ("simulated", "small"):
        workflow = ste_graph.load("gain", variant=variant, set=changes).workflow
        found = workflow.sub_workflows["explore"].workflow.memories["found"].memory
        assert (found.since, found.run) == (str(tmp_path / "pack"), str(tmp_path / "run"))


def test_a_variant_of_the_exploration_may_do_without_values(tmp_path) -> None:
    changes = [parse_change(f"params.since={tmp_path}"), parse_change("graph.explore.variant=no-values")]
    workflow = ste_graph.load("gain", variant="simulated", set=changes).workflow
    assert "found" not in workflow.sub_workflows["explore"].workflow.memories


async def define(module: Path) -> dict[str, ToolDefinition]:
    workflow = ste_graph.load("quickstart", set={"tools": [{"use": "python", "module": str(module)}]}).workflow
    async with open_tools(workflow) as tools:
        return {tool.name: ToolDefinition.of(tool) for tool in tools}


@pytest.fixture(scope="module")
def explored(tmp_path_factory) -> Path:
    """A folder with tools, and a run that explored the first of them."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "earlier.py").write_text(TOOLS, "utf-8")
    (folder / "more.py").write_text(TOOLS + NEW, "utf-8")
    explore(folder / "earlier.py", folder / "run")
    return folder


def explore(module: Path, out: Path, *changes: str) -> list[dict[str, Any]]:
    """The trials of a simulated exploration that gives each tool one episode."""
    every = [f"tools=[{{use: python, module: {module}}}]", "params.episodes=1", "models.explorer={use: simulated}"]
    workflow = ste_graph.load("explore", set=[parse_change(change) for change in [*every, *changes]])
    summary = workflow.run(out=out)
    assert summary.complete, summary.failed
    return [line for line in ste_graph.open_run(out).records() if line["record"] == "trial"]


def test_an_earlier_run_tells_the_values_too(explored, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "A-17")
    trials = explore(
        explored / "more.py", tmp_path / "run", f"memory.found.run={explored / 'run'}", "redact=[{env: SHOP_KEY}]"
    )
    used = {trial["origins"]["order_id"] for trial in trials if (trial["origins"] or {}).get("order_id")}
    assert used == {"list_orders: orders[].id (run run)"}
    wave = (tmp_path / "run" / "memory" / "found" / "wave-0.json").read_text("utf-8")
    assert "A-18" in wave
    assert "A-17" not in wave, "what is a secret of this run goes into none of its files"
    assert "***" not in wave


async def test_an_exploration_that_goes_on_from_a_pack_knows_its_values_at_once(explored, tmp_path) -> None:
    known = (await define(explored / "earlier.py"))["list_orders"]
    line = exemplar("list_orders", "List the open orders.", {"status": "open"}, ORDERS, known.fingerprint)
    gold = {"tool": "list_orders", "arguments": {"status": "open"}}
    case = {"query": "List those that are open.", "kind": "call", "gold": gold, "reference": None}
    data = PackData([line], cases=[case], definitions={"list_orders": known})
    manifest = Manifest(
        format=FORMAT, name="shop", made="2026-11-28T10:00:00Z", version="0.1.0", adopted=True, simulated=True,
        arm="exemplars", model="simulated", forms=("exemplars",), tools=("list_orders",), files={},
    )  # fmt: skip
    pack = tmp_path / "pack"
    write_pack(pack, manifest, pack_files(manifest, data, EVIDENCE, {}))
    settings = ("data.kept.least=1", f"data.kept.since={pack}", f"memory.found.since={pack}")
    trials = await asyncio.to_thread(explore, explored / "more.py", tmp_path / "run", *settings)
    assert {trial["tool"] for trial in trials} == {"show_quote"}
    used = [trial["origins"]["order_id"] for trial in trials if (trial["origins"] or {}).get("order_id")]
    assert set(used) == {"list_orders: orders[].id (shop)"}
