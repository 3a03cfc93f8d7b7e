"""A small workflow against each behaviour of real servers: no unit is lost that could go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.models.gateway import Gateway
from ste_graph.run.summary import Summary
from tests.servers.chat import Behaviour, ChatServer
from tests.servers.chat.failures import (
    PARSER_WORDINGS,
    QUEUE_WORDINGS,
    Queue,
    break_json,
    cut_json,
    die,
    fail_to_parse,
    give_no_choices,
    hang,
    have_no_chat,
    limit_rate,
    load,
    show_page,
)
from tests.servers.chat.refusals import (
    FORMAT_WORDINGS,
    GRAMMAR_WORDINGS,
    fail_grammar,
    ignore,
    limit_context,
    refuse,
    refuse_format,
    refuse_key,
    refuse_lone_surrogates,
    refuse_long_ids,
    refuse_model,
    refuse_roles,
    refuse_tools,
    refuse_value,
)
from tests.servers.chat.replies import (
    DIALECTS,
    break_characters,
    change_calls,
    cut_replies,
    leak_calls,
    leave_out,
    promise_calls,
    send_parts,
    stay_silent,
    think,
    think_only,
)
from tests.servers.chat.wordings import STYLES

WORKFLOW = """
dsl: 2
name: behaviours
params: {trials: 1, turns: 3}
models:
  explorer: {use: openai, base_url: URL, model: tiny, temperature: 0.7, top_p: 0.9, max_tokens: 200, timeout_s: 10}
tools: [{use: python, module: tools.py}]
memory: {talk: {use: transcript, lives: tool}}
nodes:
  imagine: {use: imagine, model: explorer, prompt: imagine.md, transcript: talk}
  call:    {use: call,    model: explorer, prompt: call.md,    transcript: talk, protocol: PROTOCOL}
  observe: {use: observe}
  reflect: {use: reflect, model: explorer, prompt: reflect.md, transcript: talk}
  rate:    {use: chat,    model: explorer, prompt: rate.md,    outputs: {score: int}}
graph:
  - map: tool
    over: tools
    do:
      - repeat: trial
        times: params.trials
        do:
          - imagine
          - call
          - repeat: turn
            while: not call.finished
            at_most: params.turns
            do: [observe, call]
          - reflect
          - rate
          - record: trial
            as: {query: imagine.query, steps: {each: [call, observe]}, answer: call.answer, solved: reflect.solved}
"""

FORM = "\nReply in this form:\nThought: a thought\nAction: {{ tool.name }}\nAction Input: {…}"
PROMPTS = {
    "imagine.md": "API_name: {{ tool.name }}\nDescription: {{ tool.description }}\n"
    "Parameters (JSON Schema): {{ tool.parameters }}\nUser Query:",
    "call.md": "{% if observe.text is none %}Do: {{ imagine.query }}FORM"
    "{% else %}Observation: {{ observe.text }}{% endif %}",
    "reflect.md": 'Fulfilled? Respond with "Yes" or "No".',
    "rate.md": "Rate this request from 1 to 5: {{ imagine.query }}",
}

TOOLS = '''
from typing import Annotated

from pydantic import Field

import ste_graph as ste


@ste.tool(effect="read")
def NAME(n: int, of: Annotated[str, Field(pattern=r"^[a-z0-9 ]*$", examples=["steps"])]) -> str:
    """Count things."""
    return f"{n} {of}"
'''

PROTOCOLS = ("react", "native")


class Project:
    """The workflow in a folder, to be run against a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *behaviours: Behaviour, protocol: str = "react", tools: int = 1, **changes: Any) -> Summary:
        form = "" if protocol == "native" else FORM
        texts = {name: text.replace("FORM", form) for name, text in PROMPTS.items()}
        names = [f"count{n}" for n in range(tools)]
        texts["tools.py"] = "".join(TOOLS.replace("NAME", name) for name in names)
        with ChatServer(*behaviours) as self.server:
            texts["workflow.yaml"] = WORKFLOW.replace("URL", self.server.url).replace("PROTOCOL", protocol)
            for name, text in texts.items():
                (self.folder / name).write_text(text, "utf-8")
            paths = {name.replace("__", "."): value for name, value in changes.items()}
            return ste.load(self.folder / "workflow.yaml", set=paths).run(out=self.folder / "run")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    defaults = {**(Gateway.__init__.__kwdefaults__ or {}), "wait_s": (0.01, 0.05)}
    monkeypatch.setattr(Gateway.__init__, "__kwdefaults__", defaults)
    return Project(tmp_path)


def rows(table: dict[str, Any]) -> list[Any]:
    """The rows of a table as parameters."""
    return [pytest.param(*(row if isinstance(row, tuple) else (row,)), id=name) for name, row in table.items()]


def check_complete(summary: Summary, calls: int | None = None) -> None:
    """Every unit came to its end, and a call of each reached the tool."""
    assert (summary.failed, summary.done) == ({}, summary.units)
    assert summary.calls["ok"] >= (summary.units if calls is None else calls)


PARAMETERS = ("seed", "stop", "temperature", "max_tokens", "top_p")

REFUSALS: dict[str, Callable[[], list[Behaviour]]] = {
    **{f"{name}, {style}": lambda n=name, s=style: [refuse(n, style=s)] for style in STYLES for name in PARAMETERS},
    **{
        f"all at once, one after another, {style}": lambda s=style: [refuse(*PARAMETERS, style=s)]
        for style in ("openai", "pydantic", "gemini", "plain")
    },
    "max_tokens, which has another name": lambda: [refuse("max_tokens", instead="max_completion_tokens")],
    "a temperature other than 1": lambda: [refuse_value("temperature", 1)],
    "a temperature other than 1, plain": lambda: [refuse_value("temperature", 1, style="plain")],
    **{f"json_schema, {w}": lambda w=w: [refuse_format("json_schema", wording=w)] for w in FORMAT_WORDINGS},
    "json_schema and json_object": lambda: [refuse_format("json_schema", "json_object")],
    "response_format, pydantic": lambda: [refuse("response_format", style="pydantic")],
    "response_format, gemini": lambda: [refuse("response_format", style="gemini")],
}  # fmt: skip


@pytest.mark.parametrize("behaviours", rows(REFUSALS))
def test_what_a_server_refuses_is_left_out_and_the_run_goes_on(project, behaviours):
    check_complete(project.run(*behaviours()))
    server = project.server
    assert server.refused, "the behaviour was never met"
    assert len(server.requests) - len(server.refused) == 5, "the server was asked for more than the workflow needs"
    assert len(server.refused) <= 2 * len(PARAMETERS), "what was learnt is not kept"


GRAMMARS = [(wording, status) for wording in GRAMMAR_WORDINGS for status in (400, 500)]


@pytest.mark.parametrize(("wording", "status"), GRAMMARS, ids=[f"{w} {s}" for w, s in GRAMMARS])
def test_a_schema_keyword_that_a_grammar_cannot_hold_is_left_out(project, wording, status):
    check_complete(project.run(fail_grammar("pattern", wording=wording, status=status), protocol="native"))


FAILURES: dict[str, Callable[[], list[Behaviour]]] = {
    **{f"the reply's format once, {w}": lambda w=w: [fail_to_parse(1, wording=w)] for w in PARSER_WORDINGS},
    "the reply's format, for every second seed": lambda: [fail_to_parse(lambda seed: seed % 2 == 0)],
    "no choices": lambda: [give_no_choices(2)],
    "loading, under 200": lambda: [load(2)],
    "loading, a plain error under 200": lambda: [load(2, form="text")],
    "loading, 503 with a detail": lambda: [load(3, status=503, form="detail")],
    "a page of HTML, 502": lambda: [show_page(2, status=502)],
    "a page of HTML, 200": lambda: [show_page(1)],
    "an answer that is cut off": lambda: [cut_json(1)],
    "half of the JSON": lambda: [break_json(1)],
    "a server that goes away and comes back": lambda: [die(2, away_s=0.05)],
    "too many requests": lambda: [limit_rate(2, "0.05")],
    "too many requests until a date": lambda: [limit_rate(1, "Sat, 28 Nov 2026 10:00:00 GMT")],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("behaviours", rows(FAILURES))
def test_what_fails_for_a_while_is_tried_again(project, behaviours, protocol):
    check_complete(project.run(*behaviours(), protocol=protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_that_is_never_answered_is_made_again(project, protocol):
    check_complete(project.run(hang(1), protocol=protocol, models__explorer__timeout_s=0.4))


@pytest.mark.parametrize("wording", QUEUE_WORDINGS)
def test_a_queue_that_is_full_is_waited_for(project, wording):
    queue = Queue(1, waiting=1, seconds=0.01, wording=wording)
    check_complete(project.run(queue, tools=6))


def test_slots_that_fail_together_are_asked_less_at_once(project):
    check_complete(project.run(Queue(2, seconds=0.01, abort=True), tools=6))


REPLIES: dict[str, Callable[[], list[Behaviour]]] = {
    "thoughts in reasoning": lambda: [think("reasoning")],
    "thoughts in reasoning_content": lambda: [think("reasoning_content")],
    "thoughts in tags": lambda: [think("tags")],
    "thoughts in tags that the template opened": lambda: [think("open tag")],
    "thoughts in brackets": lambda: [think("brackets")],
    "nothing but thoughts, once": lambda: [think_only(1)],
    "parts": lambda: [send_parts()],
    "arguments as an object": lambda: [change_calls("object")],
    "calls without an id": lambda: [change_calls("no id")],
    "calls without a type": lambda: [change_calls("no type")],
    "two calls at once": lambda: [change_calls("twice")],
    "a text beside the call": lambda: [change_calls("text beside")],
    "no usage": lambda: [leave_out("usage")],
    "no finish_reason, no id": lambda: [leave_out("finish_reason", "id", "index", "object", "created", "model")],
    "one empty reply": lambda: [stay_silent(1)],
    "one null reply": lambda: [stay_silent(1, content=None)],
    "lone surrogates in replies": lambda: [refuse_lone_surrogates(), break_characters()],
    "stop strings are ignored": lambda: [ignore("stop")],
    "seed and structured output are ignored": lambda: [ignore("seed", "response_format")],
    "no system role": lambda: [refuse_roles("system")],
    "roles must alternate": lambda: [refuse_roles("neighbours")],
    "roles must alternate, as a 500": lambda: [refuse_roles("neighbours", 500)],
    "no user after a tool": lambda: [refuse_roles("user after tool")],
    "no system message later": lambda: [refuse_roles("system later")],
    "ids of nine characters": lambda: [refuse_long_ids()],
    "a Mistral template": lambda: [refuse_roles("neighbours"), refuse_roles("user after tool"), refuse_long_ids()],
    "much at once": lambda: [refuse("seed", style="gemini"), refuse("stop"), refuse_format("json_schema"), load(1),
                             think("reasoning"), refuse_roles("neighbours"), send_parts()],
}  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("behaviours", rows(REPLIES))
def test_replies_of_another_shape_are_read(project, behaviours, protocol):
    check_complete(project.run(*behaviours(), protocol=protocol, params__trials=2))


MARKED = ("tool_call", "tools", "mistral", "mistral args", "python_tag", "function", "xml", "harmony")
"""The dialects with marks of their own, which nobody writes who only thinks about a call."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_that_the_server_left_in_the_text_reaches_the_tool(project, dialect):
    check_complete(project.run(leak_calls(dialect), protocol="native"))


@pytest.mark.parametrize("where", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_that_the_server_left_in_the_thoughts_reaches_the_tool_if_it_is_marked_as_one(project, dialect, where):
    check_complete(project.run(leak_calls(dialect, where), protocol="native"), calls=dialect in MARKED)


UNREADABLE: dict[str, Callable[[], list[Behaviour]]] = {
    "calls that are promised and not there": lambda: [promise_calls()],
    "the format of every reply with tools": lambda: [fail_to_parse("with tools")],
    "arguments that are null": lambda: [change_calls("null")],
    "no tools at all": lambda: [refuse_tools()],
}


@pytest.mark.parametrize("behaviours", rows(UNREADABLE))
def test_replies_without_a_readable_call_are_trials_that_failed_and_no_lost_units(project, behaviours):
    check_complete(project.run(*behaviours(), protocol="native"), calls=0)


@pytest.mark.parametrize("behaviour", [stay_silent, think_only], ids=["silent", "thoughts only"])
def test_empty_replies_to_every_call_are_trials_that_failed_and_no_lost_units(project, behaviour):
    def only_calls(request, proceed):
        is_call = "Reply in this form" in str(request.body.get("messages", ()))
        return behaviour()(request, proceed) if is_call else proceed(request)

    check_complete(project.run(only_calls), calls=0)


def test_replies_that_are_cut_off_at_their_limit_lose_no_unit(project):
    check_complete(project.run(cut_replies(), nodes__rate="off"), calls=0)


HOPELESS: dict[str, tuple[Callable[[], list[Behaviour]], str]] = {
    "a key that is refused": (lambda: [refuse_key()], "api_key"),
    "a page of HTML everywhere": (lambda: [show_page()], "base_url"),
    "a wrong name": (lambda: [refuse_model()], "no model is called"),
    "a context that is too small": (lambda: [limit_context(20)], "longer than the model reads"),
}


@pytest.mark.parametrize(("behaviours", "words"), rows(HOPELESS))
def test_what_cannot_go_on_says_what_to_set(project, behaviours, words):
    with_name = {"models__explorer__model": "huge"} if "name" in words or "called" in words else {}
    try:
        reasons = list(project.run(*behaviours(), **with_name).failed.values())
    except ste.SteError as error:
        reasons = [str(error)]
    assert reasons
    assert all(words in reason for reason in reasons)


NO_CHAT: dict[str, tuple[Callable[[], list[Behaviour]], str, int]] = {
    **{f"{status}, a page": (lambda s=status: [have_no_chat(s)], f"{status} a page, not JSON", 1)
       for status in (404, 405, 410, 501)},
    "404 in JSON": (lambda: [have_no_chat(404, {"detail": "Not Found"})], "404 ", 1),
    "501 in JSON": (lambda: [have_no_chat(501, {"error": {"message": "no chat here"}})], "501 no chat here", 1),
    "a page, 200": (lambda: [have_no_chat(200)], "the answer is a page", 3),
    "a key that only the chat refuses": (
        lambda: [have_no_chat(401, {"error": {"message": "bad key"}})], "401 bad key; set `api_key`", 1),
    "a plan without this model": (
        lambda: [have_no_chat(403, {"error": {"message": "not for you"}})], "403 not for you; set `api_key`", 1),
    "another model": (lambda: [refuse_model()], "does not serve `huge`", 1),
}  # fmt: skip


def test_a_request_that_a_moderator_refuses_ends_its_unit_alone(project):
    flagged = have_no_chat(403, {"error": {"message": "your input was flagged"}})
    summary = project.run(flagged, tools=3)
    assert len(summary.failed) == 3
    assert all("403 your input was flagged" in why for why in summary.failed.values())


@pytest.mark.parametrize(("behaviours", "words", "requests"), rows(NO_CHAT))
def test_a_server_that_lists_its_models_and_cannot_chat_ends_the_run_at_once(project, behaviours, words, requests):
    with pytest.raises(ste.SteError) as error:
        project.run(*behaviours(), tools=6, models__explorer__model="huge" if "huge" in words else "tiny")
    message = str(error.value)
    assert message.startswith(f"{project.folder / 'workflow.yaml'}: model `explorer`: ")
    assert words in message
    assert "set `" in message
    assert "<html" not in message
    assert len(project.server.requests) <= 6 * requests, "units that began together have one request each"


def test_a_404_after_a_reply_costs_one_unit_and_not_the_run(project):
    def answer(request: Any, proceed: Any) -> Any:
        return have_no_chat(404)(request, proceed) if request.number == 1 else proceed(request)

    summary = project.run(answer, tools=1)
    assert list(summary.failed) == ["count0"]
    assert "refused the request: 404 a page, not JSON" in summary.failed["count0"]
