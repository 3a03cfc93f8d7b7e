"""`ste tools`: what a person sees of the tools, and one call by hand."""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

ADVERSE = Path(__file__).parent.parent / "servers" / "adverse.py"


@pytest.fixture
def served(folder):
    """The small workflow over an MCP server that misbehaves, started as often as `starts` has lines."""
    pytest.importorskip("mcp")
    entry = f"{{use: mcp, command: {sys.executable}, args: [{ADVERSE}, count, starts], cwd: .}}"
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(text.replace("[{use: python, module: tools.py}]", f"[{entry}]"))
    return folder


def ended(folder):
    """True if the one process that was started has ended."""
    (pid,) = (folder / "starts").read_text().split()
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    return False


def test_list_names_each_tool_with_its_effect_and_says_which_a_run_does_not_call(ste, folder):
    result = ste("tools", "list", "small.yaml")
    assert result.code == 0
    assert result.out == (
        "double  read               Double a number.\n"
        "shout   read               Write a text in capitals.\n"
        "store   write  not called  Store a text.\n"
    )
    assert "If `store` only reads, write `effects: {store: read}` in its entry of `tools:`; if it" in result.err


def test_list_as_data_holds_what_a_model_is_told_and_whether_the_policy_allows_it(ste, folder):
    listed = json.loads(ste("tools", "list", "small.yaml", "--set", "allow=[store]", "--format", "json").out)
    assert [(tool["name"], tool["allowed"]) for tool in listed] == [("double", True), ("shout", True), ("store", True)]
    assert listed[0].keys() == {"name", "description", "parameters", "effect", "fingerprint", "allowed"}


def test_effects_are_printed_per_source_under_the_names_that_the_source_knows(ste, folder):
    (folder / "more.py").write_text("def store(n: int) -> int:\n    'Store a number.'\n    return n\n")
    text = (folder / "small.yaml").read_text()
    both = "[{use: python, module: tools.py}, {use: python, module: more.py}]"
    (folder / "small.yaml").write_text(text.replace("[{use: python, module: tools.py}]", both))
    assert [line.split()[1] for line in ste("tools", "list", "small.yaml").out.splitlines()] == [
        "read", "read", "write", "destructive"
    ]  # fmt: skip
    assert ste("tools", "list", "small.yaml", "--effects").out == (
        "# under `tools:`, in entry 1 (use: python)\n"
        "effects:  # write `read` for a tool that only reads: a run calls no other, unless `allow` names it\n"
        "  double: read  # Double a number.\n"
        "  shout: read   # Write a text in capitals.\n"
        "  store: write  # Store a text.\n"
        "\n"
        "# under `tools:`, in entry 2 (use: python)\n"
        "effects:  # write `read` for a tool that only reads: a run calls no other, unless `allow` names it\n"
        "  store: destructive  # Store a number.\n"
    )


def test_the_printed_effects_can_be_pasted_back_and_mean_one_tool_each(ste, folder):
    pytest.importorskip("mcp")
    reference = "workspace_documents_collection_archive_by_reference_and_revision_"
    hints = {f"{reference}show": True, f"{reference}delete": False, "a b": False, "a_b": True, "a_b_2": False}
    listed = json.dumps([{"name": name, "annotations": {"readOnlyHint": hint}} for name, hint in hints.items()])
    text = (folder / "small.yaml").read_text()
    entry = {"use": "mcp", "command": sys.executable, "args": [str(ADVERSE), "offer", listed, "calls"], "cwd": "."}
    (folder / "small.yaml").write_text(text.replace("{use: python, module: tools.py}", json.dumps(entry)))
    before = ste("tools", "list", "small.yaml").out
    block = yaml.safe_load(ste("tools", "list", "small.yaml", "--effects").out)
    assert len(block["effects"]) == len(hints)
    pasted = json.dumps(entry | block)
    (folder / "small.yaml").write_text(text.replace("{use: python, module: tools.py}", pasted))
    assert ste("tools", "list", "small.yaml").out == before
    assert ste("run", "small.yaml").code == 0
    assert set((folder / "calls").read_text().splitlines()) == {f"{reference}show", "a_b"}


def test_list_plan_and_summary_say_in_one_line_why_a_get_that_deletes_is_not_called(ste, folder):
    paths = {
        "/user": {"get": {"operationId": "getUser", "summary": "Get a user"}},
        "/user/delete": {"get": {"operationId": "deleteUser", "summary": "Deletes a user"}},
    }
    spec = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "servers": [{"url": "http://127.0.0.1:9"}]}
    (folder / "spec.json").write_text(json.dumps({**spec, "paths": paths}))
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(
        text.replace("{use: python, module: tools.py}", "{use: openapi, spec: spec.json}")
    )
    note = "GET, but its name says that it deletes; not called unless `effects: {deleteUser: read}`"
    assert ste("tools", "list", "small.yaml").out == (
        "getUser     read                     Get a user\n"
        f"deleteUser  destructive  not called  Deletes a user ({note})\n"
    )
    listed = json.loads(ste("tools", "list", "small.yaml", "--format", "json").out)
    assert [tool.get("effect_note") for tool in listed] == [None, note]
    assert f"\n  deleteUser (destructive)  {note}\n" in ste("plan", "small.yaml").out
    assert f"\n  deleteUser (destructive)  {note}\n" in ste("run", "small.yaml").out
    allowed = ste("tools", "list", "small.yaml", "--set", "tools.0.effects={deleteUser: read}").out
    assert allowed.splitlines()[1] == "deleteUser  read    Deletes a user"


def test_show_gives_effect_fingerprint_description_and_schema(ste, folder):
    result = ste("tools", "show", "small.yaml", "double")
    head, _, about, _, schema = result.out.split("\n", 4)
    assert head.startswith("double (read), fingerprint ")
    assert about == "Double a number."
    assert json.loads(schema)["required"] == ["number"]


def test_a_tool_that_is_not_there_is_named_with_those_that_are(ste, folder):
    result = ste("tools", "show", "small.yaml", "duoble")
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("there is no tool `duoble`; did you mean `double`? tools: double, shout, store\n")


def test_a_call_by_hand_gives_what_the_tool_gives(ste, folder):
    result = ste("tools", "call", "small.yaml", "double", '{"number": "21"}')
    assert (result.code, result.out) == (0, "42\n")
    assert result.err.splitlines()[-1].startswith("ok, ")
    data = json.loads(ste("tools", "call", "small.yaml", "double", '{"number": 21}', "--format", "json").out)
    assert (data["ok"], data["kind"], data["text"]) == (True, "ok", "42")


def test_arguments_are_checked_before_a_call_by_hand(ste, folder):
    result = ste("tools", "call", "small.yaml", "double", '{"number": "many"}')
    assert result.code == 2
    assert result.out.splitlines()[0] == "Invalid arguments for `double`:"
    for wrong in ("{number: 1}", "[1]"):
        assert ste("tools", "call", "small.yaml", "double", wrong).code == 2


def test_a_tool_that_does_more_than_read_is_called_by_hand_only_with_yes(ste, folder):
    result = ste("tools", "call", "small.yaml", "store", '{"text": "x"}', "--set", "allow=[write]")
    assert result.code == 2
    assert result.out == "`store` was not called: its effect is write. To call it all the same, add --yes.\n"
    assert ste("tools", "call", "small.yaml", "store", '{"text": "x"}', "--yes").out == "stored\n"


def test_a_server_is_started_for_a_call_by_hand_and_ended_behind_it(ste, served):
    assert ste("tools", "call", "small.yaml", "fine", "--yes").out == "fine\n"
    assert ended(served)


def test_a_server_that_ends_during_a_call_by_hand_is_a_failed_call(ste, served):
    result = ste("tools", "call", "small.yaml", "exit", "--yes")
    assert result.code == 1
    assert "the disk is full" in result.out
    assert result.err.splitlines()[-1].startswith("transport, ")


def test_a_server_that_cannot_be_started_is_exit_code_2(ste, folder):
    result = ste("tools", "list", "small.yaml", "--set", "tools=[{use: mcp, command: no-such-server}]")
    assert result.code == 2
    assert result.err.startswith("tools: the command `no-such-server` was not found")


def test_no_secret_is_shown_in_a_list_a_schema_or_what_a_tool_gives(ste, folder, monkeypatch):
    monkeypatch.setenv("STE_TEST_KEY", "s3cret-of-mine")
    (folder / "tools.py").write_text(
        "import os\nimport ste_graph as ste\n\n"
        "KEY = os.environ['STE_TEST_KEY']\n\n"
        "@ste.tool(effect='read')\ndef tell(key: str = KEY) -> str:\n    return KEY\n\n"
        "tell.__doc__ = f'Tell {KEY}.'\n"
    )
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text() + "redact: [{env: STE_TEST_KEY}]\n")
    for words in (["list"], ["list", "--effects"], ["list", "--format", "json"], ["show"], ["call"]):
        result = ste("tools", words[0], "small.yaml", *(["tell"] if words[0] in ("show", "call") else []), *words[1:])
        assert result.code == 0
        assert "***" in result.out
        assert "s3cret" not in result.out + result.err


def test_no_secret_stands_in_the_error_of_a_source_whichever_verb_opens_it(ste, folder, monkeypatch):
    monkeypatch.setenv("STE_TEST_KEY", "s3cret-of-mine")
    (folder / "tools.py").write_text("import os\n\nraise ValueError('denied for ' + os.environ['STE_TEST_KEY'])\n")
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text() + "redact: [{env: STE_TEST_KEY}]\n")
    for words in ("check FILE", "check FILE --format json", "plan FILE", "run FILE", "tools list FILE"):
        result = ste(*words.replace("FILE", "small.yaml").split())
        assert result.code == 2
        assert "denied for ***" in result.out + result.err
        assert "s3cret" not in result.out + result.err


@pytest.mark.parametrize("command", ["uvx mcp-server-time", "./here.py mcp-server-time", "[uvx, mcp-server-time]"])
def test_a_command_with_its_arguments_in_it_is_shown_where_they_stand(ste, folder, command):
    refused = ste("run", "small.yaml", "--set", f"tools=[{{use: mcp, command: {command}}}]", "--quiet")
    program = "./here.py" if "here" in command else "uvx"
    assert refused.code == 2
    assert f"write `command: {program}, args: [mcp-server-time]`" in refused.err


def test_a_mistyped_spec_is_reported_at_its_place_with_the_file_that_was_meant(ste, folder):
    (folder / "api.json").write_text("{}")
    refused = ste("tools", "list", "small.yaml", "--set", "tools=[{use: openapi, spec: apj.json}]")
    head, *_ = refused.err.splitlines()
    assert head.startswith("--set tools:1:23: error[E601] ")
    assert "file not found; did you mean `api.json`? expected an OpenAPI spec" in head
