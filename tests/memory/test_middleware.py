import pytest

pytest.importorskip("langchain", reason="the langchain extra is not installed")

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, SystemMessage
from langchain_core.tools import tool

from ste_graph.memory.exemplars.selection import Selection
from ste_graph.memory.faces.middleware import INTRODUCTION, NATIVE_INTRODUCTION, ExemplarMiddleware
from ste_graph.memory.faces.retriever import ExemplarRetriever


@tool
def weather(text: str) -> str:
    """Tell the weather."""
    return "It snows."


class Scripted(GenericFakeChatModel):
    prompts: list

    def bind_tools(self, tools, **_):
        return self

    def _generate(self, messages, *args, **kwargs):
        self.prompts.append(messages)
        return super()._generate(messages, *args, **kwargs)


def scripted():
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {"text": "Paris"}, "id": "1"}])
    return Scripted(messages=iter([call, AIMessage("It snows in Paris."), AIMessage("Bye.")]), prompts=[])


def agent(model, store, **settings):
    return create_agent(
        model, [weather], middleware=[ExemplarMiddleware(store, Selection(k=1), form="react")], **settings
    )


RAIN = {"messages": [{"role": "user", "content": "rain in Paris"}]}


async def ran(agent, state, *, asynchronous):
    return await agent.ainvoke(state) if asynchronous else agent.invoke(state)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agent_sees_exemplars_for_its_request_which_are_looked_up_once(store, word_hashes, asynchronous):
    model = scripted()
    asked = len(word_hashes.asked)
    told = agent(model, store, system_prompt="Be brief.")
    state = await ran(told, RAIN, asynchronous=asynchronous)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    text = store.render("rain in Paris", Selection(k=1), tools=["weather"])
    assert [prompt[0] for prompt in model.prompts] == [SystemMessage(f"Be brief.\n\n{INTRODUCTION}\n\n{text}")] * 2
    assert word_hashes.asked[asked:] == ["rain in Paris"] * 2
    await ran(told, {"messages": [*state["messages"], ("user", "wind at sea")]}, asynchronous=asynchronous)
    assert word_hashes.asked[asked + 2 :] == ["wind at sea"]
    assert "wind at sea" in model.prompts[-1][0].text
    assert "Paris" not in model.prompts[-1][0].text


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agent_that_calls_natively_sees_exemplars_as_turns_with_tool_calls(store, mended, asynchronous):
    store.add([mended])
    model = scripted()
    native = ExemplarMiddleware(store, Selection(k=1), lessons=1)
    state = await ran(create_agent(model, [weather], middleware=[native]), RAIN, asynchronous=asynchronous)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    system, asked, called, seen, answered, request = model.prompts[0]
    assert "with `place`: 3" in system.text
    assert NATIVE_INTRODUCTION in system.text
    assert "Action:" not in system.text
    (call,) = called.tool_calls
    assert (asked.text, call["name"], call["args"]) == ("rain in Paris", "weather", {"text": "rain in Paris"})
    assert (seen.type, seen.tool_call_id, seen.text) == ("tool", call["id"], "It rains.")
    assert (answered.text, request.text) == ("Take a coat.", "rain in Paris")
    assert [message.type for message in model.prompts[1]][-3:] == ["human", "ai", "tool"]


async def test_an_agent_is_shown_no_exemplar_of_a_tool_it_lacks_and_its_prompt_stays_as_it_is(open_store, exemplar):
    store = open_store()
    store.add([exemplar("rain in Paris", "units")])
    model = scripted()
    await agent(model, store).ainvoke(RAIN)
    assert [prompt[0].type for prompt in model.prompts] == ["human", "human"]


async def test_an_agent_is_told_the_lessons_of_the_tool_at_hand_above_the_exemplars(store, mended):
    store.add([mended])
    model = scripted()
    told = create_agent(
        model, [weather], middleware=[ExemplarMiddleware(store, Selection(k=1), form="react", lessons=3)]
    )
    told.invoke(RAIN)
    lesson = (
        'Lesson: calling weather, it failed with `place`: 3, and worked with `place`: "Rome". '
        "The error was: `place` must be a city."
    )
    exemplars = store.render("rain in Paris", Selection(k=1), tools=["weather"])
    assert model.prompts[0][0].text == f"{lesson}\n\n{INTRODUCTION}\n\n{exemplars}"


async def test_exemplars_join_a_system_message_that_is_a_list_of_blocks(store):
    model = scripted()
    blocks = SystemMessage([{"type": "text", "text": "Be brief."}])
    agent(model, store, system_prompt=blocks).invoke(RAIN)
    first, second = model.prompts[0][0].content
    assert first == {"type": "text", "text": "Be brief."}
    assert second["text"].startswith(INTRODUCTION)


async def test_a_retriever_gives_documents_with_their_origin(store):
    retriever = ExemplarRetriever(
        store=store, selection=Selection(k=1, order="most_similar_first"), offered=["weather"]
    )
    (document,) = retriever.invoke("rain in Paris")
    assert document.page_content == store.render("rain in Paris", Selection(k=1), tools=["weather"])
    assert (document.id, document.metadata["tool"], document.metadata["similarity"]) == (
        "weather rain in Paris", "weather", 1.0,
    )  # fmt: skip
    assert await retriever.ainvoke("rain in Paris") == [document]


@pytest.mark.parametrize(("order", "last"), [({}, False), ({"order": "most_similar_last"}, True)])
def test_a_retriever_gives_the_most_similar_first_unless_told_otherwise(store, order, last):
    documents = ExemplarRetriever(store=store, selection=Selection(k=3, **order)).invoke("rain in Paris")
    similarities = [document.metadata["similarity"] for document in documents]
    assert similarities == sorted(similarities, reverse=not last)
    assert len({*similarities}) > 1
