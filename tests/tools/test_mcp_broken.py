"""Servers that break the protocol: what can be read of an answer is kept, and one broken tool costs no other one."""

import asyncio
import json
import logging
import sys
import threading
import time
from contextlib import asynccontextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.tools.mcp import connection as mcp_connection
from ste_graph.tools.mcp.source import MCPTools
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.toolbox import Toolbox
from tests.servers.raw import Handler, Server

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

RAW = Path(__file__).parents[1] / "servers" / "raw.py"
SCHEMA = {"type": "object", "properties": {}}
GOOD = {"name": "good", "description": "good", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}}
WAYS = ("stdio", "json", "events")
BALLOON = "\\udf88x"
"""The second half of an emoji, as Node writes a text that was cut within one."""


@asynccontextmanager
async def serving(way: str, tmp_path: Path, *, tools=(GOOD,), answers=None, listing=None):
    """A server that lists and answers as given, on stdio or over HTTP."""
    script = {"listing": listing or [{"tools": list(tools)}], "answers": answers or {}}
    if way == "stdio":
        path = tmp_path / "script.json"
        path.write_text(json.dumps(script), encoding="utf-8")
        source = MCPTools(command=sys.executable, args=[str(RAW), str(path)])
    else:
        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        http.raw, http.kind = Server(script), way
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        source = MCPTools(url=f"http://127.0.0.1:{http.server_port}/mcp")
    try:
        yield source
    finally:
        await source.close()
        if way != "stdio":
            http.shutdown()
            http.server_close()


async def call_each(way: str, tmp_path: Path, answers: list[str], **tool):
    """The observations of calls that are answered by the given lines, one after another."""
    named = {f"tool_{number}": answer for number, answer in enumerate(answers)}
    tools = [{**GOOD, **tool, "name": name} for name in named]
    async with serving(way, tmp_path, tools=tools, answers=named) as source:
        box = Toolbox(await source.open(), ToolPolicy(timeout_s=20))
        return [await box.call(name, {}) for name in named]


async def call(way: str, tmp_path: Path, answer: str, **tool):
    """The observation of the only call."""
    return (await call_each(way, tmp_path, [answer], **tool))[0]


def result(value) -> str:
    """The line of an answer with this result."""
    return f'{{"jsonrpc": "2.0", "id": ID, "result": {json.dumps(value)}}}'


def texts(*words: str, **more):
    return {"content": [{"type": "text", "text": text} for text in words], **more}


def nested(levels: int):
    value = 1
    for _ in range(levels):
        value = {"a": value}
    return value


ANSWERS = [
    (result(texts("X")).replace("X", BALLOON), True, "\ufffdx"),
    (result(texts("X")).replace("X", "\\ud83c!"), True, "\ufffd!"),
    (result(texts("X")).replace("X", "\\\\ud83c"), True, "\\ud83c"),
    (result(texts("X")).replace("X", "\\ud83c\\udf88"), True, "\N{BALLOON}"),
    (f"[{result(texts('in a batch'))}]", True, "in a batch"),
    (result(texts("no version")).replace('"jsonrpc": "2.0", ', ""), True, "no version"),
    (result(texts("a float")).replace("ID", "ID.0"), True, "a float"),
    (result(texts("more behind")) + " // sent", True, "more behind"),
    (result("bare"), True, "bare"),
    (result(None), True, ""),
    ('{"jsonrpc": "2.0", "id": ID, "error": "no such room"}', False, "no such room"),
    ('{"jsonrpc": "2.0", "id": ID, "error": {"text": "odd"}}', False, '{"text": "odd"}'),
    ('{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "what?"}}', False, "what?"),
    ('{"jsonrpc": "2.0", "id": ID}', False, "the answer has neither a result nor an error"),
    ('{"jsonrpc": "2.0", "id": ID, "result": {"content": [', False, "the answer is not JSON"),
    ('{"jsonrpc": "2.0", "id": ID, "result": ' + "[" * 100_000 + "1" + "]" * 100_000 + "}", False,
     "the answer is nested too deeply to be read"),
]  # fmt: skip
"""Lines that a server writes, and what is to be read of them: whether it is a success, and its text."""


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_that_did_arrive_is_never_waited_for(way, tmp_path):
    began = time.monotonic()
    seen = await call_each(way, tmp_path, [answer for answer, _, _ in ANSWERS])
    assert [(observation.ok, observation.text) for observation in seen] == [(ok, text) for _, ok, text in ANSWERS]
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_that_is_nested_too_deeply_keeps_its_depths_as_text(way, tmp_path):
    seen = await call(way, tmp_path, result(texts("deep", structuredContent=nested(400))))
    assert (seen.ok, seen.text) == (True, "deep")
    inner = seen.data
    for _ in range(99):
        inner = inner["a"]
    assert json.loads(inner) == nested(301)
    assert seen.notes == ("nested more than 100 levels deep; what is deeper is given as JSON text",)


RESULTS = [
    ({"structuredContent": {"n": 1}}, '{"n":1}', {"n": 1}, ["the result has no `content`"]),
    (texts(structuredContent={"n": 1}), '{"n":1}', {"n": 1}, []),
    ({"content": None}, "", None, ["the result has no `content`"]),
    ({"content": "fine"}, "fine", None, ["`content` is not a list", "a block of `content` is a bare text"]),
    ({"content": {"type": "text", "text": "fine"}}, "fine", None, ["`content` is not a list"]),
    ({"content": ["fine", 5]}, "fine\n5", None,
     ["a block of `content` is a bare text", "a block of `content` is not an object"]),
    ({"toolResult": {"n": 1}}, '{"toolResult":{"n":1}}', {"toolResult": {"n": 1}}, ["the result has no `content`"]),
    (texts("fine", isError=None), "fine", None, ["`isError` is null"]),
    (texts("fine", isError="no"), "fine", None, ['`isError` is "no"']),
    ({"content": [{"type": "text", "text": "fine"}, {"type": "video", "data": "x"}]},
     'fine\n{"type": "video", "data": "x"}', None,
     ['a block of `content` of the type "video" does not keep to MCP']),
    ({"content": [{"type": "html", "text": "fine"}]}, "fine", None,
     ['a block of `content` of the type "html" does not keep to MCP']),
    ({"content": [{"text": "fine"}]}, "fine", None, ["a block of `content` of the type null does not keep to MCP"]),
    (texts("fine", structuredContent=[1, 2]), "fine", [1, 2], ["`structuredContent` is not an object"]),
    (texts("fine", _meta="x"), "fine", None, []),
]  # fmt: skip
"""Results of calls, and what is to be read of them: text, data, and the notes of what was off."""


@pytest.mark.parametrize("way", ["stdio", "json"])
async def test_what_can_be_read_of_a_result_is_kept_and_what_was_off_is_said(way, tmp_path):
    seen = await call_each(way, tmp_path, [result(given) for given, _, _, _ in RESULTS])
    assert {(observation.ok, observation.kind) for observation in seen} == {(True, "ok")}
    assert [(observation.text, observation.data, list(observation.notes)) for observation in seen] == [
        (text, data, notes) for _, text, data, notes in RESULTS
    ]


async def test_an_odd_flag_of_failure_that_means_yes_is_a_failure(tmp_path):
    seen = await call("stdio", tmp_path, result(texts("disk full", isError="true")))
    assert (seen.ok, seen.kind, seen.text, seen.notes) == (False, "tool_error", "disk full", ('`isError` is "true"',))


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (texts("fine"), "no structured content, for which the tool states a schema"),
        (
            texts("fine", structuredContent={"n": "many"}),
            'the structured content breaks the tool\'s own output schema: `n`: expected integer; got "many"',
        ),
        (texts("fine", structuredContent={"n": 4}), None),
    ],
)
async def test_a_result_that_breaks_the_tools_own_output_schema_is_kept(given, note, tmp_path):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    seen = await call("stdio", tmp_path, result(given), outputSchema=schema)
    assert (seen.ok, seen.text, seen.notes) == (True, "fine", (note,) if note else ())


# The list of tools


async def listed(way: str, tmp_path: Path, caplog, **settings) -> tuple[dict[str, str], list[str]]:
    """The tools that a source gives, with their effects, and what it warns of."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    async with serving(way, tmp_path, **settings) as source:
        tools = {tool.name: tool.effect for tool in await source.open()}
        start = f"tools: {source._server}: "
    return tools, [record.message.removeprefix(start) for record in caplog.records if "tools: " in record.message]


BAD = [
    ({"name": "bad"}, "left out `bad`: it has no `inputSchema`, so that its arguments are not known"),
    ({"name": "bad", "inputSchema": None},
     "left out `bad`: its `inputSchema` is null, so that its arguments are not known"),
    ({"name": "bad", "inputSchema": {"type": "array"}},
     'left out `bad`: its `inputSchema` is of type "array", and arguments are an object'),
    ({"inputSchema": SCHEMA}, "left out number {number}: expected a text as its name, got null"),
    (None, "left out number {number}: expected an object, got null"),
    ("bad", 'left out number {number}: expected an object, got "bad"'),
]  # fmt: skip
"""Entries of a list that cannot be used, and the warnings of them."""


@pytest.mark.parametrize("way", ["stdio", "json"])
async def test_a_tool_that_cannot_be_used_is_left_out_and_named(way, tmp_path, caplog):
    found, warnings = await listed(way, tmp_path, caplog, tools=[GOOD, *(bad for bad, _ in BAD)])
    assert found == {"good": "read"}
    assert warnings == [warning.format(number=number) for number, (_, warning) in enumerate(BAD, 2)]


ODD = [
    ({"inputSchema": {"properties": {}}}, "destructive", "its `inputSchema` has no `type: object`"),
    ({"inputSchema": {"anyOf": [SCHEMA, SCHEMA]}}, "destructive", "its `inputSchema` has no `type: object`"),
    ({"description": 5}, "destructive", "its `description` is 5"),
    ({"title": ["a"]}, "destructive", 'its `title` is ["a"]'),
    ({"annotations": {"readOnlyHint": "maybe"}}, "destructive", 'its `readOnlyHint` is "maybe"'),
    ({"annotations": {"readOnlyHint": True, "title": 5}}, "read", None),
    ({"annotations": "read"}, "destructive", 'its `annotations` are "read"'),
    ({"outputSchema": {"type": "array"}}, "destructive",
     'its `outputSchema` is {"type": "array"}, no schema of an object'),
    ({"outputSchema": 5}, "destructive", "its `outputSchema` is 5, no schema of an object"),
    ({"icons": "x", "execution": 3, "_meta": 1}, "destructive", None),
]  # fmt: skip
"""Parts of a tool that are not in MCP's form, the effect that the tool then has, and the warning."""


async def test_a_tool_with_one_odd_part_is_used_without_that_part(tmp_path, caplog):
    tools = [{"name": f"tool_{number}", "inputSchema": SCHEMA, **odd} for number, (odd, _, _) in enumerate(ODD)]
    found, warnings = await listed("stdio", tmp_path, caplog, tools=tools)
    assert list(found.values()) == [effect for _, effect, _ in ODD]
    assert warnings == [f"`tool_{number}`: {warning}" for number, (_, _, warning) in enumerate(ODD) if warning]


@pytest.mark.parametrize(
    "part", [{"required": None}, {"properties": None}, {"properties": {"n": {"type": "int"}}}], ids=str
)
async def test_a_schema_that_the_client_would_refuse_reaches_the_check_of_arguments_as_it_is(part, tmp_path):
    schema = {**SCHEMA, **part}
    async with serving("stdio", tmp_path, tools=[{**GOOD, "inputSchema": schema}]) as source:
        assert [tool.parameters for tool in await source.open()] == [schema]


async def test_an_error_of_a_server_is_no_lost_connection_whatever_its_code(tmp_path):
    answer = '{"jsonrpc": "2.0", "id": ID, "error": {"code": -32000, "message": "quota exceeded"}}'
    for way in WAYS:
        seen = await call(way, tmp_path, answer)
        assert (seen.kind, seen.text) == ("tool_error", "quota exceeded")


async def test_a_server_all_of_whose_tools_are_broken_says_what_is_wrong_with_them(tmp_path):
    async with serving("stdio", tmp_path, tools=[None, {"name": "bad"}]) as source:
        with pytest.raises(WorkflowError) as caught:
            await source.open()
    assert str(caught.value) == (
        f"tools: {source._server} offers no tools that can be used:\n"
        "- left out number 1: expected an object, got null\n"
        "- left out `bad`: it has no `inputSchema`, so that its arguments are not known"
    )


async def test_a_page_that_comes_again_ends_the_list(tmp_path, caplog):
    listing = [{"tools": [GOOD], "nextCursor": "again"}]
    tools, warnings = await listed("stdio", tmp_path, caplog, listing=listing)
    assert tools == {"good": "read"}
    assert warnings == ["the list of tools comes back to the page `again`; it was read up to there"]


async def test_a_list_of_too_many_pages_is_cut_and_says_so(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(mcp_connection, "MOST_PAGES", 3)
    pages = [{"tools": [{**GOOD, "name": f"tool_{page}"}], "nextCursor": str(page + 1)} for page in range(6)]
    tools, warnings = await listed("stdio", tmp_path, caplog, listing=pages)
    assert list(tools) == ["tool_0", "tool_1", "tool_2"]
    assert warnings == ["the list of tools has more than 3 pages; the rest was left out"]


async def test_three_hundred_pages_are_read_to_their_end(tmp_path, caplog):
    pages = [{"tools": [{**GOOD, "name": f"tool_{page}"}], "nextCursor": str(page + 1)} for page in range(299)]
    tools, warnings = await listed("stdio", tmp_path, caplog, listing=[*pages, {"tools": [GOOD]}])
    assert (len(tools), warnings) == (300, [])


async def test_a_server_that_speaks_only_the_old_transport_is_told_apart(tmp_path):
    async with serving("sse_only", tmp_path) as source:
        with pytest.raises(
            WorkflowError, match=r"HTTP 404 Not Found\nIt speaks the old transport of MCP, HTTP with SSE"
        ):
            await source.open()


async def test_answers_of_calls_side_by_side_reach_their_own_callers(tmp_path):
    tools = [{**GOOD, "name": f"tool_{number}"} for number in range(8)]
    answers = {tool["name"]: result(texts(tool["name"] + "X")).replace("X", BALLOON) for tool in tools}
    async with serving("stdio", tmp_path, tools=tools, answers=answers) as source:
        box = Toolbox(await source.open(), ToolPolicy(timeout_s=20))
        seen = await asyncio.gather(*(box.call(name, {}) for name in answers))
    assert [observation.text for observation in seen] == [f"{name}\ufffdx" for name in answers]
