"""A pack is read wherever a store is: by programs, prompts, agents, workflows and commands."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("langchain", reason="the langchain extra is not installed")
pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool as langchain_tool
from mcp import Client

import ste_graph
from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory import ExemplarStore, Selection
from ste_graph.memory.faces.middleware import ExemplarMiddleware
from ste_graph.memory.faces.pack_tools import describe_tools
from ste_graph.memory.faces.server import make_memory_server
from ste_graph.packs.pack import ToolDescription
from tests.memory.conftest import WordHashes
from tests.packs.conftest import EVIDENCE


@pytest.fixture
def open_store():
    """Opens a pack as a store, with an embedder that needs no weights."""
    stores = []

    def open(pack, **more) -> ExemplarStore:
        stores.append(ExemplarStore.open(pack.path, embedder=WordHashes(), **more))
        return stores[-1]

    yield open
    for store in stores:
        store.close()


def test_a_pack_is_searched_as_any_store_is(pack, open_store, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "cache"))
    store = open_store(pack)
    assert len(store) == 4
    (found,) = store.search("How is the weather in Rome?", 1)
    assert found.exemplar.arguments == {"place": "Rome"}
    assert store.tools == ["notes", "weather"]


def test_a_pack_has_the_lessons_that_were_adopted_and_render_shows_them(pack, open_store) -> None:
    store = open_store(pack)
    (line,) = store.lessons("weather")
    assert line.startswith('Lesson: calling weather, it failed with `unit`: "C"')
    assert store.render("How is the weather in Rome?", Selection(k=1)).startswith(line)
    assert "Lesson" not in store.render("How is the weather in Rome?", Selection(k=1), lessons=0)


def test_the_guideline_of_the_tools_on_offer_comes_first(make_pack, data, open_store) -> None:
    data.guideline = {"weather": "Give the place\nas a city.", "notes": "Give the owner's whole name."}
    store = open_store(make_pack(data=data))
    text = store.render("How is the weather in Rome?", Selection(k=1), tools=["weather"], lessons=0)
    assert text.startswith("weather: Give the place as a city.\n\nUser Query: How is the weather in Rome?")
    assert "whole name" not in text


def test_a_pack_of_texts_alone_tells_them_of_the_nearest_tools_whatever_is_offered(make_pack, data, open_store) -> None:
    data.exemplars, data.guideline = [], {"notes": "Give the owner's whole name."}
    store = open_store(make_pack(data=data, forms=("lessons", "guideline")))
    for offered in (None, ["notes", "weather"]):
        text = store.render("Tell the weather in Rome", tools=offered)
        assert text.startswith("notes: Give the owner's whole name.\n\nLesson: calling weather, it failed")
    assert "Lesson" not in store.render("Tell the weather in Rome", tools=["notes", "other"])
    assert store.rank_tools("Tell the weather", ["notes", "weather"]) == ["weather", "notes"]


def test_exemplars_are_selected_and_shown_as_in_the_test_that_showed_the_gain(make_pack, open_store) -> None:
    tested = {**EVIDENCE, "settings": {"room": 90, "nodes": {"recall": {"k": 3, "observations": False}}}}
    store = open_store(make_pack(evidence=tested))
    assert (store.selection.k, store.selection.observations, store.selection.tokens) == (3, False, 90)
    shown = store.render("How is the weather in Rome?", lessons=0)
    assert "Action Input" in shown
    assert "Observation" not in shown


def test_a_pack_is_not_written_and_says_how_to_change_a_copy(pack, open_store) -> None:
    store = open_store(pack)
    with pytest.raises(RunError, match="a pack is read only"):
        store.forget(tool="weather")
    with pytest.raises(RunError, match=r"ste memory import .*exemplars.jsonl --into FOLDER"):
        store.mark_stale(store.ids)


def test_a_pack_in_which_nothing_was_adopted_is_refused(make_pack, open_store) -> None:
    pack = make_pack(adopted=False)
    with pytest.raises(WorkflowError, match=r"nothing in this pack was adopted, .*; its README\.md says why"):
        open_store(pack)


def test_a_pack_carries_its_own_decision(pack, open_store) -> None:
    with pytest.raises(WorkflowError, match="leave `only_if` out"):
        open_store(pack, only_if=pack.path)


def test_search_and_its_json_read_a_pack(pack, ste, monkeypatch) -> None:
    monkeypatch.setattr("ste_graph.memory.vectors.embedders.find_store_embedder", lambda place, name: WordHashes())
    done = ste("memory", "search", "How is the weather in Rome?", "--from", pack.path, "-k", "1", "--format", "json")
    assert (done.code, json.loads(done.out)[0]["exemplar"]["tool"]) == (0, "weather")


WORKFLOW = """
dsl: 2
name: lend
models: {m: {use: simulated}}
tools: [{use: python, module: my_tools.py}]
memory: {learnt: {use: chroma, from: PACK}}
nodes:
  recall: {use: recall, memory: learnt, inputs: {query: params.query}}
params: {query: "How is the weather in Rome?"}
graph: [recall]
"""


def run_with(tmp_path, pack, schema):
    (tmp_path / "my_tools.py").write_text(
        "import ste_graph as ste\n\n\n"
        '@ste.tool(effect="read")\n'
        f"def weather({schema}) -> str:\n"
        '    """Tell the weather."""\n'
        '    return "It rains."\n',
        "utf-8",
    )
    (tmp_path / "lend.yaml").write_text(WORKFLOW.replace("PACK", str(pack.path)), "utf-8")
    return ste_graph.load(tmp_path / "lend.yaml").run(out=tmp_path / "run")


def test_a_workflow_refuses_a_pack_whose_tools_have_changed_before_anything_is_spent(pack, tmp_path) -> None:
    with pytest.raises(WorkflowError) as caught:
        run_with(tmp_path, pack, "place: int")
    assert "is outdated, since 1 tool changed after its gain was measured: `weather`:" in str(caught.value)
    assert f"ste pack verify {pack.path} --tools FILE" in str(caught.value)
    assert not (tmp_path / "run").exists()


@langchain_tool
def weather(place: str, unit: str = "celsius") -> str:
    """Tell the weather."""
    return f"It rains in {place}."


@langchain_tool
def other(city: str) -> str:
    """Another tool."""
    return city


def test_an_agents_tools_get_the_adopted_descriptions_and_nothing_else_changes(make_pack, data) -> None:
    data.descriptions = {"weather": ToolDescription(description="Weather of a city.", parameters={"place": "A city."})}
    described, same = describe_tools(make_pack(data=data), [weather, other])
    assert same is other
    assert described["function"]["description"] == "Weather of a city."
    assert described["function"]["parameters"]["properties"]["place"] == {"type": "string", "description": "A city."}
    assert described["function"]["parameters"]["properties"]["unit"]["default"] == "celsius"


def test_an_agent_whose_tool_has_other_parameters_is_refused(pack) -> None:
    renamed = other.model_copy(update={"name": "weather"})
    with pytest.raises(
        WorkflowError, match=r"is outdated: the tool `weather` has other parameters .*city, place, unit"
    ):
        describe_tools(pack, [renamed])


def test_a_pack_of_another_model_is_allowed_and_its_proof_proposed(pack, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ste_graph.memory.vectors.embedders.find_store_embedder", lambda place, name: WordHashes())
    (tmp_path / "say.md").write_text("{{ recall.examples }}", "utf-8")
    text = WORKFLOW.replace("PACK", str(pack.path)).replace("tools: [{use: python, module: my_tools.py}]\n", "")
    text = text.replace("graph: [recall]", "graph: [recall, answer]")
    text = text.replace("nodes:\n", "nodes:\n  answer: {use: answer, model: m, prompt: say.md}\n")
    (tmp_path / "lend.yaml").write_text(text, "utf-8")
    monkeypatch.setattr("ste_graph.simulated.model.SIMULATED", "another")
    summary = ste_graph.load(tmp_path / "lend.yaml").run(out=tmp_path / "run")
    assert summary.complete, summary.failed
    (remark,) = summary.remarks
    assert remark == (
        f"memory `learnt`: the pack {pack.path} was proven with simulated, and this run asks another; whether it gains "
        f"there, says: ste pack verify {pack.path} --model NAME"
    )


async def test_an_mcp_client_gets_exemplars_guideline_and_lessons_of_a_pack(make_pack, data, open_store) -> None:
    data.guideline = {"weather": "Give the place as a city."}
    async with Client(make_memory_server(open_store(make_pack(data=data)))) as client:
        asked = {"query": "How is the weather in Rome?", "k": 1, "tools": ["weather"]}
        (answer,) = (await client.call_tool("recall_exemplars", asked)).content
        (lessons,) = (await client.call_tool("recall_lessons", {"tool": "weather"})).content
    assert answer.text.startswith("weather: Give the place as a city.\n\nLesson: calling weather")
    assert "Observation: It rains in Rome." in answer.text
    assert lessons.text.startswith("Lesson: calling weather, it failed")


class Scripted(GenericFakeChatModel):
    """A model that keeps what was bound to it and what it was asked."""

    bound: list
    asked: list

    def bind_tools(self, tools, **_):
        self.bound.append(tools)
        return self

    def _generate(self, messages, *args, **kwargs):
        self.asked.append(messages)
        return super()._generate(messages, *args, **kwargs)


def test_an_agent_sees_what_was_adopted_and_its_own_tool_is_called(make_pack, data, open_store) -> None:
    data.guideline = {"weather": "Give the place as a city."}
    data.descriptions = {"weather": ToolDescription(description="Weather of a city.")}
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {"place": "Oslo"}, "id": "1"}])
    model = Scripted(messages=iter([call, AIMessage("It rains.")]), bound=[], asked=[])
    middleware = ExemplarMiddleware(open_store(make_pack(data=data)), Selection(k=1), form="react")
    result = create_agent(model, [weather], middleware=[middleware]).invoke({"messages": [("user", "And in Oslo?")]})
    assert [message.content for message in result["messages"]][-2:] == ["It rains in Oslo.", "It rains."]
    assert model.bound[0][0]["function"]["description"] == "Weather of a city."
    assert model.asked[0][0].content.startswith("weather: Give the place as a city.\n\nLesson: calling weather")
