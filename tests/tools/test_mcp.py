import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from ste_graph.contracts import Observation
from ste_graph.errors import NoAnswerError, WorkflowError
from ste_graph.redaction import Redactor, find_secrets
from ste_graph.tools.forwarded import with_errors
from ste_graph.tools.mcp import connection as mcp_connection
from ste_graph.tools.mcp.source import MCPTools
from ste_graph.tools.outages import Outages
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.toolbox import Toolbox

pytest.importorskip("mcp_types", reason="the mcp extra is not installed")

SERVERS = Path(__file__).parents[1] / "servers"
ALL = ToolPolicy(allow=("write", "destructive"), timeout_s=20)


def server(name: str, *args: str, **settings) -> MCPTools:
    return MCPTools(command=sys.executable, args=[str(SERVERS / name), *args], **settings)


@asynccontextmanager
async def opened(*sources: MCPTools, policy: ToolPolicy = ALL):
    """A toolbox of the sources' tools, closed afterwards."""
    try:
        yield Toolbox([tool for source in sources for tool in with_errors(await source.open(), source)], policy)
    finally:
        for source in sources:
            await source.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until(condition: Callable[[], bool], within_s: float = 15) -> bool:
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.05)
    return condition()


# What a server offers


async def test_a_servers_tools_come_with_their_schemas_and_the_effects_that_their_annotations_state():
    source = server("modern.py")
    tools = await source.open()
    await source.close()
    assert {tool.name: tool.effect for tool in tools} == {
        "add": "read",
        "environment": "read",
        "note": "write",
        "drop": "destructive",
        "images_dot": "destructive",
        "much": "destructive",
    }
    assert [tool.original for tool in tools if tool.original != tool.name] == ["images/dot"]
    assert tools[0].description == "Add two numbers."
    assert tools[0].parameters["required"] == ["a", "b"]


async def test_effects_of_the_workflow_win_by_the_servers_name_or_by_ours():
    source = server("modern.py", effects={"add": "destructive", "images/dot": "read", "drop": "write"})
    assert {t.name: t.effect for t in await source.open() if t.name in ("add", "images_dot", "drop")} == {
        "add": "destructive",
        "drop": "write",
        "images_dot": "read",
    }
    await source.close()
    source = server("modern.py", include=["images*"], effects={"images_dot": "read"})
    assert [(t.name, t.effect) for t in await source.open()] == [("images_dot", "read")]
    await source.close()


def offering(*tools: tuple[str, str], log: Path | None = None, **settings) -> MCPTools:
    """A server that offers tools with these names and hints."""
    hints = {"read": {"readOnlyHint": True}, "write": {"destructiveHint": False}, "destructive": {}}
    listed = [{"name": name, "annotations": hints[effect]} for name, effect in tools]
    return server("adverse.py", "offer", json.dumps(listed), *([str(log)] if log else []), **settings)


async def effects(source: MCPTools) -> dict[str, str]:
    """The effects by the names that the server gives."""
    try:
        return {tool.original: tool.effect for tool in await source.open()}
    finally:
        await source.close()


LONG = "workspace_documents_collection_archive_by_reference_and_revision_"
TWINS = [(f"{LONG}show", "read"), (f"{LONG}delete", "destructive")]


@pytest.mark.parametrize(
    ("tools", "stated", "found"),
    [
        (TWINS, {LONG[:64]: "read"}, ["read", "destructive"]),
        (TWINS, {f"{LONG}delete": "write"}, ["read", "write"]),
        (TWINS, {f"{LONG[:62]}_2": "write"}, ["read", "write"]),
        ([("files/drop", "destructive"), ("files_drop", "read")], {"files_drop": "read"}, ["destructive", "read"]),
        ([("notes.show", "read"), ("notes_show", "write")], {"notes_show": "read"}, ["read", "read"]),
        ([("a b", "destructive"), ("a.b", "destructive")], {"a_b": "read"}, ["read", "destructive"]),
        ([("a b", "destructive"), ("a.b", "destructive")], {"a.b": "read"}, ["destructive", "read"]),
        ([("a b", "write"), ("a_b", "write"), ("a_b_2", "write")], {"a_b_2": "read"}, ["write", "write", "read"]),
        ([("a b", "write"), ("a_b", "write"), ("a_b_2", "write")], {"a_b_3": "read"}, ["read", "write", "write"]),
    ],
    ids=str,
)
async def test_a_stated_effect_is_that_of_one_tool_whose_own_name_comes_before_a_shown_one(tools, stated, found):
    assert list((await effects(offering(*tools, effects=stated))).values()) == found


async def test_two_effects_for_one_tool_are_refused():
    source = offering(("a b", "read"), effects={"a b": "read", "a_b": "write"})
    with pytest.raises(WorkflowError, match=r"`effects` says two things of `a_b` of the MCP server"):
        await effects(source)


async def test_a_tool_that_is_listed_twice_is_one_tool_of_the_stricter_effect():
    assert await effects(offering(("drop", "read"), ("look", "read"), ("drop", "destructive"))) == {
        "drop": "destructive",
        "look": "read",
    }


async def test_a_tool_that_is_annotated_as_read_only_but_named_for_a_loss_counts_as_destructive():
    names = ("delete_file", "files/delete", "deleted_files", "run_query", "list_delete_requests")
    source = offering(*((name, "read") for name in names), effects={})
    tools = {tool.original: (tool.effect, tool.effect_note) for tool in await source.open()}
    await source.close()
    note = "annotated as read-only, but its name says that it deletes; not called unless `effects: {%s: read}`"
    assert tools == {
        "delete_file": ("destructive", note % "delete_file"),
        "files/delete": ("destructive", note % "files_delete"),
        "deleted_files": ("read", None),
        "run_query": ("read", None),
        "list_delete_requests": ("read", None),
    }
    assert await effects(offering(("delete_file", "read"), effects={"delete_file": "read"})) == {"delete_file": "read"}


async def test_every_tool_is_called_by_the_name_that_is_shown_for_it(tmp_path):
    log = tmp_path / "log"
    tools = [("a b", "read"), ("a_b", "read"), *TWINS]
    async with opened(offering(*tools, log=log)) as box:
        assert list(box.tools) == ["a_b_2", "a_b", LONG[:64], f"{LONG[:62]}_2"]
        for name in box.tools:
            await box.call(name, {})
    assert log.read_text(encoding="utf-8").splitlines() == [name for name, _ in tools]


async def test_include_and_exclude_take_patterns_and_keep_the_servers_order_over_all_pages():
    source = server("adverse.py", include=["error_*", "exit*", "pid"], exclude=["*_rpc"])
    assert [tool.name for tool in await source.open()] == [
        "exit",
        "exit_after_answer",
        "error_text",
        "error_flag",
        "pid",
    ]
    await source.close()


async def test_an_empty_include_takes_no_tool_and_starts_no_server():
    assert await MCPTools(command="no-such-program", include=[]).open() == []


async def test_two_tools_of_one_name_from_two_sources_are_both_usable():
    def add(a: int, b: int) -> str:
        return "ours"

    source = server("modern.py")
    box = Toolbox([FunctionTool.of("add", add, "read"), *await source.open()], ALL)
    assert (await box.call("add", {"a": 1, "b": 2})).text == "ours"
    assert (await box.call("add_2", {"a": 1, "b": 2})).text == "3"
    await source.close()


# What comes back


async def test_an_answer_gives_text_and_structured_content_and_names_other_media():
    async with opened(server("modern.py")) as box:
        seen = await box.call("add", {"a": 1, "b": 2})
        assert seen == Observation(ok=True, kind="ok", text="3", data={"result": 3}, ms=seen.ms)
        assert (await box.call("images_dot", {})).text == "one dot\n[image: image/png, 100 bytes]"
        assert (await box.call("add", {"a": "one"})).kind == "invalid_arguments"


async def test_all_three_ways_of_reporting_failure_are_failures():
    async with opened(server("adverse.py")) as box:
        assert [
            (seen.ok, seen.kind, seen.text)
            for name in ("error_flag", "error_rpc", "error_text")
            for seen in [await box.call(name, {})]
        ] == [
            (False, "tool_error", "disk full"),
            (False, "tool_error", "quota exceeded"),
            (False, "tool_error", "Database error: no such table: b"),
        ]
        assert (await box.call("own_error", {})).ok
    async with opened(server("adverse.py", errors=["Sold out"])) as box:
        seen = await box.call("own_error", {})
        assert (seen.kind, seen.text) == ("tool_error", "Sold out: there are no tickets left")


async def test_an_answer_that_breaks_the_protocol_is_read_as_far_as_it_can_be():
    async with opened(server("adverse.py")) as box:
        seen = await box.call("not_a_result", {})
        assert (seen.ok, seen.text, seen.notes) == (True, '{"rows":[]}', ("the result has no `content`",))
        assert (await box.call("not_utf8", {})).text == "caf\N{REPLACEMENT CHARACTER}"
        empty = await box.call("no_content", {})
        assert (empty.text, empty.data) == ('{"rows":[1,2]}', {"rows": [1, 2]})
        assert (await box.call("not_a_number", {})).text == '{"value":NaN}'


async def test_ten_megabytes_are_cut_to_the_limit_with_head_and_tail_kept():
    async with opened(server("adverse.py")) as box:
        seen = await box.call("ten_megabytes", {})
        assert (seen.ok, seen.truncated, len(seen.text) <= ALL.characters) == (True, True, True)
        assert seen.text.startswith("beginxxx")
        assert seen.text.endswith("xxxend")


async def test_an_invalid_schema_leaves_its_tool_usable():
    async with opened(server("adverse.py")) as box:
        assert (await box.call("bad_schema", {"n": "many"})).text == "fine"
        place = "the schema of `bad_schema` is not valid JSON Schema at `properties.n"
        assert box.faults == (
            f'{place}.type`, "quantity", which is left out',
            f'{place}.minimum`, "a lot", which is left out',
        )


async def test_junk_on_stdout_is_left_out_and_reported_once(caplog, capfd):
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    async with opened(server("adverse.py")) as box:
        assert [(await box.call("junk", {})).text for _ in range(2)] == ["after the junk"] * 2
    logging.getLogger("mcp").setLevel(logging.NOTSET)
    assert [record.message for record in caplog.records if record.name.startswith("ste_graph")] == [
        f"tools: {server('adverse.py')._server} writes lines to stdout that are not MCP messages; "
        "left out: 'Loading model... 100%'"
    ]
    assert capfd.readouterr() == ("", "")


# A server's life


async def test_a_server_that_exits_in_a_call_costs_that_call_and_is_started_again(tmp_path, capfd):
    starts = tmp_path / "starts"
    async with opened(server("adverse.py", "count", str(starts))) as box:
        seen = await box.call("exit", {})
        assert (seen.ok, seen.kind, seen.text) == (
            False,
            "transport",
            "The connection to the tool's server was lost, and its answer is not known: Connection closed; "
            "its last output:\n  the disk is full",
        )
        assert (await box.call("fine", {})).text == "fine"
        assert len(starts.read_text(encoding="utf-8").split()) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("reads", "kind", "calls"), [(True, "ok", 2), (False, "transport", 1)])
async def test_a_lost_call_is_made_once_more_if_it_only_reads(tmp_path, reads, kind, calls):
    made, offered = tmp_path / "made", [{"name": "exit_at_first", "annotations": {"readOnlyHint": reads}}]
    async with opened(server("adverse.py", "offer", json.dumps(offered), str(made))) as box:
        assert (await box.call("exit_at_first", {})).kind == kind
        assert len(made.read_text(encoding="utf-8").split()) == calls
        assert (await box.call("exit_at_first", {})).text == "at last"


async def ended(box):
    """Waits until the server has ended by itself, and the connection has seen it."""
    async with asyncio.timeout(20):
        while not box.tools["fine"].connection._session.ended:
            await asyncio.sleep(0.01)


async def test_a_server_that_ended_between_two_calls_costs_nothing():
    async with opened(server("adverse.py")) as box:
        assert (await box.call("exit_after_answer", {})).text == "bye"
        await ended(box)
        assert (await box.call("fine", {})).text == "fine"


async def test_a_server_that_hangs_is_started_again_after_the_call_that_timed_out(monkeypatch):
    monkeypatch.setattr(mcp_connection, "ALIVE_S", 0.3)
    async with opened(server("adverse.py"), policy=ToolPolicy(allow=("destructive",), timeout_s=1)) as box:
        seen = await box.call("hang", {})
        assert (seen.kind, seen.text) == ("timeout", "`hang` did not answer within 1 s.")
        await asyncio.sleep(3)
        assert (await box.call("fine", {})).text == "fine"


async def test_starting_a_hanging_server_again_does_not_count_against_the_next_calls_time_limit(monkeypatch):
    monkeypatch.setattr(mcp_connection, "ALIVE_S", 1.5)
    async with opened(server("adverse.py"), policy=ToolPolicy(allow=("destructive",), timeout_s=1)) as box:
        assert (await box.call("hang", {})).kind == "timeout"
        began = time.monotonic()
        seen = await box.call("fine", {})
        assert (seen.kind, seen.text) == ("ok", "fine")
        assert seen.ms < 1000 < (time.monotonic() - began) * 1000


async def test_if_a_server_cannot_be_started_again_no_call_is_made_and_the_observation_says_so(tmp_path):
    program = tmp_path / "server.py"
    program.write_text((SERVERS / "adverse.py").read_text(encoding="utf-8"), encoding="utf-8")
    source = MCPTools(command=sys.executable, args=[str(program)], start_s=20)
    async with opened(source) as box:
        await box.call("exit_after_answer", {})
        program.write_text("raise SystemExit('gone for good')", encoding="utf-8")
        await ended(box)
        seen = await box.call("fine", {})
        assert seen.kind == "transport"
        assert seen.text.startswith(
            "The tool's server is gone and cannot be started again; the call was not made: it ended before it was ready"
        )
        assert "gone for good" in seen.text


async def test_a_server_that_is_gone_for_good_pauses_the_unit_after_three_calls(tmp_path):
    program = tmp_path / "server.py"
    program.write_text((SERVERS / "adverse.py").read_text(encoding="utf-8"), encoding="utf-8")
    source = MCPTools(command=sys.executable, args=[str(program)])
    box = Toolbox(await source.open(), ALL, outages=Outages(3))
    assert (await box.call("exit_after_answer", {})).ok
    program.write_text("raise SystemExit('gone for good')", encoding="utf-8")
    await ended(box)
    assert [(await box.call(name, {})).kind for name in ("fine", "pid")] == ["transport"] * 2
    with pytest.raises(NoAnswerError, match=r"paused: 3 calls in a row got no answer from the server of `fine`"):
        await box.call("fine", {})
    await source.close()


async def test_calls_that_wait_while_a_hanging_server_is_ended_go_to_the_next(monkeypatch):
    monkeypatch.setattr(mcp_connection, "ALIVE_S", 0.3)
    source = server("adverse.py")
    box = Toolbox(await source.open(), ToolPolicy(allow=("destructive",), timeout_s=8))
    hanging = asyncio.create_task(box.tools["hang"].call({}))
    await asyncio.sleep(0.2)
    hanging.cancel()
    await asyncio.wait([hanging])
    seen = await asyncio.gather(*(box.call("fine", {}) for _ in range(5)))
    await source.close()
    assert {observation.text for observation in seen} == {"fine"}


async def test_calls_side_by_side_share_one_server():
    async with opened(server("adverse.py")) as box:
        pids = {seen.text for seen in await asyncio.gather(*(box.call("pid", {}) for _ in range(20)))}
        assert len(pids) == 1


async def test_closing_ends_the_server():
    source = server("adverse.py")
    async with opened(source) as box:
        pid = int((await box.call("pid", {})).text)
        assert alive(pid)
    assert not alive(pid)
    await source.close()  # a second time does nothing


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the states of processes from /proc")
async def test_no_server_outlives_a_run_that_is_killed(tmp_path):
    stubborn = tmp_path / "stubborn.py"  # does not end with its stdin
    text = (SERVERS / "adverse.py").read_text(encoding="utf-8")
    stubborn.write_text(text + "\ntime.sleep(600)\n", encoding="utf-8")
    starts = tmp_path / "starts"
    code = (
        "import asyncio, sys\n"
        "from ste_graph.tools.mcp.source import MCPTools\n"
        "async def main():\n"
        f"    await MCPTools(command=sys.executable, args=[{str(stubborn)!r}, 'count', {str(starts)!r}]).open()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        pid = int(starts.read_text(encoding="utf-8"))
        assert alive(pid)
        os.kill(run.pid, signal.SIGKILL)
    assert await until(lambda: not alive(pid))


async def test_a_server_gets_path_home_lang_and_what_the_workflow_gives_it(monkeypatch):
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-servers")
    async with opened(server("modern.py", env={"CITY": "Ulm", "USER": "nobody"})) as box:
        seen = (await box.call("environment", {})).data
    seen.pop("LC_CTYPE", None)  # Python sets it by itself where there is no locale
    assert sorted(seen) == ["CITY", "HOME", "LANG", "PATH", "USER"]
    assert (seen["CITY"], seen["USER"], seen["PATH"]) == ("Ulm", "nobody", os.environ["PATH"])


async def test_secrets_of_a_server_are_found_and_plain_settings_are_not_among_them(monkeypatch):
    monkeypatch.setenv("DATABASE", "postgres-host-17")
    source = server("modern.py", env={"API_TOKEN": "t0k", "TZ": "UTC", "DB": "postgres-host-17", "MODE": "fast-lane"})
    assert find_secrets(source) == {"t0k", "postgres-host-17"}
    assert "t0k" not in repr(source)
    tools = await source.open()
    box = Toolbox(tools, ALL, redactor=Redactor(find_secrets(source)))
    text = (await box.call("environment", {})).text
    await source.close()
    assert "t0k" not in text
    assert "postgres-host-17" not in text
    assert "UTC" in text


# What cannot be started


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"command": "no-such-server"},
            "tools: the command `no-such-server` was not found; expected a program on PATH, "
            "or a path that starts with `./`. Is the server installed?",
        ),
        (
            {"command": "./server", "cwd": "/nowhere"},
            "tools: `command` names the file `/nowhere/server`, which does not exist",
        ),
        (
            {
                "command": sys.executable,
                "args": ["-c", "import os; exit('no user ' + os.environ['KEY'])"],
                "env": {"KEY": "s3cret"},
            },
            f"tools: the MCP server `{Path(sys.executable).name} -c import os; exit('no user ' + os.environ['KEY'])` "
            "cannot be used: it ended before it was ready; its last output:\n  no user ***\n"
            "Does the command work in a terminal?",
        ),
        (
            {
                "command": sys.executable,
                "args": ["-c", "import sys; print('hi', flush=True); sys.stdin.read()"],
                "start_s": 1,
            },
            "tools: {name} cannot be used: it was not ready within 1 s; its last output:\n  (stdout) hi\n"
            "Does the command work in a terminal?",
        ),
        (
            {"command": sys.executable, "args": [str(SERVERS / "adverse.py"), "mute"], "start_s": 1},
            "tools: {name} cannot be used: it was not ready within 1 s; its last output:\n  loading the index\n"
            "Does the command work in a terminal?",
        ),
        (
            {"url": "http://127.0.0.1:9/mcp"},
            "tools: the MCP server `127.0.0.1:9` cannot be used: ConnectError: All connection attempts failed\n"
            "Is it running, and the path right?",
        ),
        (
            {"command": sys.executable, "args": [str(SERVERS / "modern.py")], "exclude": ["*"]},
            "tools: {name} gives no tool: `include` and `exclude` leave none of its tools; "
            "it has: add, drop, environment, images_dot, much, note",
        ),
        (
            {"command": sys.executable, "args": [str(SERVERS / "modern.py")], "effects": {"ad": "read"}},
            "tools: `effects` names `ad`, which {name} does not have; did you mean `add`? "
            "it has: add, drop, environment, images_dot, much, note",
        ),
    ],
    ids=lambda value: next(iter(value), None) if isinstance(value, dict) else "",
)
async def test_a_source_that_gives_no_tools_says_what_to_do(settings, message):
    source = MCPTools(**settings)
    with pytest.raises(WorkflowError) as caught:
        await source.open()
    await source.close()
    assert str(caught.value) == message.replace("{name}", source._server)


async def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WorkflowError, match=r"pip install 'ste-graph\[mcp\]'"):
        await server("modern.py").open()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected either `command` (a program to start) or `url`"),
        ({"command": "a", "url": "http://b"}, "expected either `command` (a program to start) or `url`"),
        ({"command": "a", "headers": {"A": "b"}}, "`headers` has no effect with `command`"),
        ({"url": "http://b", "args": ["a"]}, "`args` has no effect with `url`"),
        ({"command": "a", "errors": ["("]}, "Input should be a valid regular expression"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError) as caught:
        MCPTools(**settings)
    assert message in str(caught.value)


# Over HTTP


@asynccontextmanager
async def serving():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(SERVERS / "modern.py"), str(port)]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    running = [start()]
    assert await until(listens)

    async def restart(*, only_stop: bool = False) -> None:
        running[-1].kill()
        running[-1].wait()
        if not only_stop:
            running.append(start())
            assert await until(listens)

    try:
        yield f"http://127.0.0.1:{port}/mcp", restart
    finally:
        running[-1].kill()
        running[-1].wait()


async def test_over_http_calls_work_and_a_lost_server_is_an_observation_of_kind_transport():
    async with serving() as (url, restart), opened(MCPTools(url=url)) as box:
        assert (await box.call("add", {"a": 1, "b": 2})).text == "3"
        assert (await box.call("much", {"megabytes": 10})).truncated
        await restart()
        assert (await box.call("add", {"a": 1, "b": 2})).text == "3"
        await restart(only_stop=True)
        seen = await box.call("add", {"a": 1, "b": 2})
        assert (seen.ok, seen.kind) == (False, "transport")
        assert seen.text.startswith("The connection to the tool's server was lost, and its answer is not known: ")


async def test_a_url_without_an_mcp_server_is_reported_with_its_http_status():
    async with serving() as (url, _):
        source = MCPTools(url=url.replace("/mcp", "/other"), headers={"Authorization": "Bearer s3cret-token"})
        with pytest.raises(WorkflowError, match=r"its last output:\n  HTTP 404 Not Found\nIs it running"):
            await source.open()
        assert find_secrets(source) == {"Bearer s3cret-token", "s3cret-token"}
        await source.close()
