"""Each behaviour of servers gives the right row, and what follows from it."""

from collections.abc import Sequence

import pytest

from ste_graph.contracts import ModelRequest
from ste_graph.doctor.diagnosis import Diagnosis
from ste_graph.doctor.examine import examine
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.models.openai import OpenAIModel
from tests.servers.chat import Answer, Behaviour, ChatServer
from tests.servers.chat.facts import list_models, tell_slots
from tests.servers.chat.failures import (
    Queue,
    fail_to_parse,
    give_no_choices,
    hang,
    have_no_chat,
    limit_rate,
    load,
    show_page,
)
from tests.servers.chat.model import complete
from tests.servers.chat.refusals import (
    fail_grammar,
    ignore,
    limit_context,
    refuse,
    refuse_format,
    refuse_key,
    refuse_long_ids,
    refuse_model,
    refuse_roles,
    refuse_tools,
    refuse_value,
)
from tests.servers.chat.replies import (
    DIALECTS,
    change_message,
    leak_calls,
    leave_out,
    promise_calls,
    stay_silent,
    think,
    think_only,
)

AS_IT_SHOULD_BE = {
    "server": "yes",
    "thoughts": "yes",
    "seed": "yes",
    "temperature": "yes",
    "stop": "yes",
    "max_tokens": "yes",
    "structured output": "yes",
    "tool call": "yes",
    "order of roles": "yes",
    "at once": "yes",
    "long prompt": "yes",
}


async def diagnose(*behaviours: Behaviour, longest: int | None = None, name: str = "tiny") -> Diagnosis:
    with ChatServer(*behaviours) as server:
        model = OpenAIModel(base_url=server.url, model=name, timeout_s=0.5)
        return await examine(model, longest=longest, wait_s=0.01)


async def test_a_server_that_does_everything_has_nothing_to_set():
    diagnosis = await diagnose(longest=2000)
    assert {finding.subject: finding.outcome for finding in diagnosis.findings} == AS_IT_SHOULD_BE
    assert (diagnosis.protocol, diagnosis.adaptation.to_json(), diagnosis.context) == ("native", {}, None)


ROWS: list[tuple[Sequence[Behaviour], str, str, str]] = [
    ([refuse("seed")], "seed", "adapted", "refused, so not sent"),
    ([refuse("seed", style="gemini")], "seed", "adapted", "refused, so not sent"),
    ([ignore("seed")], "seed", "ignored", "the same seed gave two replies"),
    ([refuse_value("temperature", 1)], "temperature", "adapted", "refused, so not sent"),
    ([refuse("stop", style="pydantic")], "stop", "adapted", "replies are cut here"),
    ([ignore("stop")], "stop", "ignored", "replies are cut here"),
    ([refuse("max_tokens", instead="max_completion_tokens")], "max_tokens", "adapted", "`max_completion_tokens`"),
    ([refuse("max_tokens", "max_completion_tokens")], "max_tokens", "adapted", "not sent"),
    ([ignore("max_tokens")], "max_tokens", "ignored", "where 16 were allowed"),
    ([refuse_format("json_schema")], "structured output", "adapted", "json_object"),
    ([refuse_format("json_schema", "json_object")], "structured output", "adapted", "in the prompt"),
    ([ignore("response_format")], "structured output", "adapted", "not available, so JSON is asked for in the prompt"),
    ([promise_calls()], "tool call", "no", "one is promised (finish_reason), and none is there"),
    ([fail_to_parse("with tools")], "tool call", "no", "the server could not read the call"),
    ([refuse_tools()], "tool call", "no", "tools are refused, so they are described in the prompt"),
    ([ignore("tools")], "tool call", "no", "none in `"),
    ([fail_grammar("pattern", "format")], "tool schemas", "adapted", "format, pattern"),
    ([refuse_roles("system")], "order of roles", "adapted", "no system role"),
    ([refuse_roles("neighbours")], "order of roles", "adapted", "take turns"),
    ([refuse_roles("user after tool")], "order of roles", "adapted", "take turns"),
    ([refuse_long_ids()], "order of roles", "adapted", "nine letters and digits"),
    ([think("reasoning")], "thoughts", "yes", "apart from the text"),
    ([think("tags")], "thoughts", "yes", "in the text"),
    ([think_only(1)], "thoughts", "adapted", "`max_tokens` of some 600 more"),
    ([Queue(2, seconds=0.02)], "at once", "adapted", "4 at once fail: 503"),
    ([list_models("other", "another")], "server", "yes", "does not list it"),
    ([list_models("tiny", max_model_len=4096)], "server", "yes", "reports 4,096 tokens of context"),
    ([tell_slots(4, 2048)], "server", "yes", "reports 2,048 tokens of context and 4 slots"),
]


@pytest.mark.parametrize(("behaviours", "subject", "outcome", "words"), ROWS)
async def test_each_behaviour_has_its_row(behaviours, subject, outcome, words):
    finding = (await diagnose(*behaviours)).find(subject)
    assert (finding.outcome, words in finding.note) == (outcome, True), finding


@pytest.mark.parametrize("behaviour", [load(2), give_no_choices(1), limit_rate(1, "0.01"), hang(1), stay_silent(0)])
async def test_what_fails_for_a_while_is_asked_again(behaviour):
    found = {finding.subject: finding.outcome for finding in (await diagnose(behaviour)).findings}
    assert found == {subject: "yes" for subject in AS_IT_SHOULD_BE if subject != "long prompt"}


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("tool_call", "<tool_call>"),
        ("xml", "<tool_call>"),
        ("mistral", "[TOOL_CALLS]"),
        ("python_tag", "<|python_tag|>"),
        ("function", "<function=…>"),
        ("harmony", "harmony"),
        ("react", "Action: …"),
        ("fence", "fenced JSON"),
        ("json", "JSON"),
        ("pythonic", "Python"),
        ("tools", "<tools>"),
    ],
)
async def test_a_call_left_in_the_text_is_named_by_its_dialect_and_still_asked_for_natively(dialect, name):
    diagnosis = await diagnose(leak_calls(dialect))
    finding = diagnosis.find("tool call")
    assert (finding.outcome, finding.note) == (
        "adapted",
        f"left in the text by the server, as {name}; it is read there",
    )
    assert diagnosis.protocol == "native"


async def test_a_call_left_in_the_thoughts_is_said_so():
    finding = (await diagnose(leak_calls("tool_call", "reasoning"))).find("tool call")
    assert finding.note == "left in the thoughts by the server, as <tool_call>; it is read there"


def test_every_dialect_has_a_name():
    from ste_graph.doctor.calling import dialect

    assert "text" not in {dialect(write("add", {"n": 1})) for write in DIALECTS.values()}


@pytest.mark.parametrize(
    ("behaviours", "protocol"),
    [
        ([], "native"),
        ([promise_calls()], "json"),
        ([refuse_tools()], "json"),
        ([refuse_tools(), refuse_format("json_schema", "json_object")], "json"),
        ([change_message(lambda message: {"role": "assistant", "content": "Well, well."})], "react"),
    ],
)
async def test_calls_are_asked_for_in_the_form_that_works(behaviours, protocol):
    assert (await diagnose(*behaviours)).protocol == protocol


async def test_a_prompt_that_is_cut_silently_is_noticed_by_the_tokens_that_the_server_counts():
    diagnosis = await diagnose(limit_context(600, "cut"), longest=2000)
    finding = diagnosis.find("long prompt")
    assert finding.outcome == "no"
    assert "tokens were read; the server cut the beginning and said nothing" in finding.note
    assert diagnosis.context < 610


async def test_where_nothing_is_counted_the_word_at_the_beginning_tells():
    cut = await diagnose(limit_context(600, "cut"), leave_out("usage"), longest=2000)
    whole = await diagnose(leave_out("usage"), longest=2000)
    assert (cut.find("long prompt").outcome, whole.find("long prompt").outcome) == ("unknown", "yes")


async def test_a_prompt_that_is_refused_tells_how_much_is_read():
    diagnosis = await diagnose(limit_context(700), longest=2000)
    assert (diagnosis.find("long prompt").outcome, diagnosis.context) == ("no", 700)


async def test_a_context_that_the_server_states_is_not_tried_beyond():
    diagnosis = await diagnose(list_models("tiny", max_model_len=1024), longest=2000)
    assert diagnosis.find("long prompt").outcome == "yes"
    assert diagnosis.context == 1024
    assert diagnosis.find("context").note == (
        "the server says that it reads 1,024 tokens, and the longest prompt may have some 2,000"
    )


class InProcess(Adapter):
    """A model without a server, whose replies have no limit of their own."""

    @property
    def label(self) -> str:
        return "in process"

    def open_client(self) -> "InProcess":
        return self

    async def ask(self, request: ModelRequest) -> RawReply:
        if request.tools:
            raise ModelError("this model cannot call tools by itself")
        body = {"messages": list(request.messages), "seed": request.seed, "stop": list(request.stop)}
        return RawReply(complete(body, 8192)["choices"][0]["message"]["content"])

    async def close(self) -> None: ...


async def test_a_model_without_a_server_is_asked_what_it_can_be_asked():
    diagnosis = await examine(InProcess(), longest=None)
    found = {finding.subject: finding.outcome for finding in diagnosis.findings}
    assert found["seed"] == found["stop"] == "yes"
    assert found["tool call"] == "no"
    assert not {"temperature", "max_tokens"} & found.keys()
    assert diagnosis.protocol == "react"


@pytest.mark.parametrize(
    ("behaviour", "name", "words"),
    [
        (refuse_key(), "tiny", "refuses the key (401): set `api_key`"),
        (show_page(), "tiny", "something else than a list of models: set `base_url`"),
        (lambda request, proceed: Answer(200, ""), "tiny", "something else than a list of models: set `base_url`"),
        (refuse_model(), "huge", "set `model` to one of tiny"),
        (
            have_no_chat(404),
            "tiny",
            "404 a page, not JSON; its server answers, but not to chat requests: set `base_url`",
        ),
        (have_no_chat(501, {"detail": "no"}), "tiny", "501 no; its server answers, but not to chat requests: set"),
        (have_no_chat(200), "tiny", "but not to chat requests: set `base_url`"),
        (have_no_chat(401, {"error": "bad key"}), "tiny", "401 bad key; set `api_key`"),
        (hang(), "tiny", "no answer in time"),
    ],
)
async def test_a_server_that_cannot_be_asked_is_said_so_in_a_sentence(behaviour, name, words):
    with pytest.raises(ModelError) as error:
        await diagnose(behaviour, name=name)
    assert words in str(error.value)


@pytest.mark.parametrize("content", ["", None, " \n"])
async def test_a_model_whose_replies_are_all_empty_is_said_so_and_gets_no_table(content):
    with pytest.raises(ModelError) as error:
        await diagnose(stay_silent(content=content))
    assert str(error.value).startswith("the model is reached, but all its replies are empty")
    assert "log" in str(error.value)


async def test_thoughts_that_the_server_keeps_to_itself_get_room_as_others_do():
    def answer(request, proceed):
        if request.is_chat and request.body.get("max_tokens", 1000) < 400:
            cut = change_message(lambda message: {**message, "content": ""}, finish_reason="length")
            return cut(request, proceed)
        return proceed(request)

    diagnosis = await diagnose(answer)
    assert diagnosis.thinking_tokens
    assert "need room" in diagnosis.find("thoughts").note
