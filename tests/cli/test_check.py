from __future__ import annotations

import json

import pytest


def change(folder, old, new):
    file = folder / "small.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_correct_workflow_is_reported_as_ok_with_its_variants(ste, folder):
    result = ste("check", "small.yaml")
    assert (result.code, result.out) == (0, "small.yaml: ok (1 variant: quick)\n")


def test_every_problem_is_shown_at_its_place_with_what_is_legal(ste, folder):
    change(folder, "while: not call.finished", "while: not call.finnished")
    result = ste("check", "small.yaml")
    assert result.code == 2
    assert result.out == (
        "small.yaml:27:43: error[E204] unknown name `call.finnished` in `while`\n"
        "   27 |               - {repeat: turn, while: not call.finnished, "
        "at_most: params.turns, do: [observe, call]}\n"
        "      |                                           ^^^^^^^^^^^^^^\n"
        "   help: did you mean `call.finished`?\n"
        "   expected: `call` has: action, answer, arguments, failed_calls, finished, form, problem, repairs, "
        "repeated, reply, thought\n"
    )
    assert result.err == "small.yaml: 1 error\n"


def test_programs_get_a_list_of_problems(ste, folder):
    change(folder, "use: observe", "use: observ")
    result = ste("check", "small.yaml", "--format", "json")
    [problem] = json.loads(result.out)
    assert result.code == 2
    assert {**problem, "message": ""} == {
        "file": "small.yaml",
        "line": 13,
        "column": 18,
        "code": "E210",
        "severity": "error",
        "message": "",
        "suggestion": "observe",
    }


def test_programs_get_an_empty_list_for_a_correct_workflow(ste, folder):
    result = ste("check", "small.yaml", "--format", "json")
    assert (result.code, json.loads(result.out)) == (0, [])


def test_a_file_that_is_not_there_is_a_problem_like_any_other(ste, folder):
    result = ste("check", "smal.yaml")
    assert result.code == 2
    assert result.out == (
        "smal.yaml:1:1: error[E101] `smal.yaml` cannot be read: no such file or directory\n"
        "   help: did you mean `small.yaml`?\n"
    )


def test_a_change_on_the_command_line_is_checked_too(ste, folder):
    result = ste("check", "small.yaml", "--set", "params.turn=2")
    assert result.code == 2
    assert "did you mean `params.turns`?" in result.out


def test_a_tool_that_is_not_there_is_reported_where_it_is_named(ste, folder):
    change(folder, "module: tools.py", "module: tools.py, include: [doubel]")
    result = ste("check", "small.yaml")
    assert result.code == 2
    assert result.out == (
        f"small.yaml:5:50: error[E601] `include` names `doubel`, which `{folder}/tools.py` does not have; "
        "did you mean `double`? it has: double, shout, store\n"
        "    5 | tools: [{use: python, module: tools.py, include: [doubel]}]\n"
        "      |                                                  ^^^^^^^^\n"
    )


def test_a_tool_module_that_does_not_import_is_reported_where_it_is_named(ste, folder):
    (folder / "tools.py").write_text("import ste_graph\n1 / 0\n")
    result = ste("check", "small.yaml")
    assert result.code == 2
    assert result.out.startswith("small.yaml:5:31: error[E601] ")
    assert "does not import: ZeroDivisionError: division by zero (tools.py:2 <module>)\n" in result.out


def test_without_plugins_no_code_of_the_user_runs(ste, folder):
    (folder / "tools.py").write_text("1 / 0\n")
    (folder / "own.py").write_text("1 / 0\n")
    change(folder, "tools: [", "plugins: [own.py]\ntools: [")
    result = ste("check", "small.yaml", "--no-plugins")
    assert (result.code, result.out) == (0, "small.yaml: ok (1 variant: quick)\n")


def test_warnings_alone_are_no_failure(ste, folder):
    (folder / "mood.md").write_text("How are you?")
    change(folder, "nodes:\n", "nodes:\n  spare: {use: chat, model: explorer, prompt: mood.md, outputs: {mood: str}}\n")
    result = ste("check", "small.yaml")
    assert result.code == 0
    assert "warning[W222]" in result.out
    assert result.out.endswith("small.yaml: ok (1 warning; 1 variant: quick)\n")


def test_a_permission_for_a_tool_that_is_not_there_is_reported_where_it_is_given(ste, folder):
    change(folder, "memory:\n", "allow: [stor]\nmemory:\n")
    result = ste("check", "small.yaml")
    assert result.code == 2
    assert result.out == (
        "small.yaml:6:1: error[E602] `allow` names `stor`, which is neither an effect nor a tool; "
        "did you mean `store`? effects: destructive, read, write; tools: double, shout, store\n"
        "    6 | allow: [stor]\n"
        "      | ^^^^^\n"
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("tools.0.include=[doubel]", "error[E601] `include` names `doubel`, "),
        ("tools.0.effects={doubel: read}", "error[E601] `effects` names `doubel`, "),
        ("allow=[stor]", "error[E602] `allow` names `stor`, "),
        ("data.old={use: trials, run: nowhere}", "warning[W603] data `old` is not available yet: "),
    ],
)
def test_a_fault_of_a_value_from_the_command_line_is_reported_there(ste, folder, change, problem):
    path, _, value = change.partition("=")
    head, line, *_ = ste("check", "small.yaml", "--set", change).out.splitlines()
    assert head.startswith(f"--set {path}:1:1: {problem}")
    assert line == f"    1 | {value}"


def test_a_fault_of_a_value_of_a_variant_is_reported_there(ste, folder):
    change(folder, "variants:\n", "variants:\n  misnamed: {tools.0.include: [doubel]}\n")
    result = ste("check", "small.yaml", "--variant", "misnamed")
    assert "  misnamed: {tools.0.include: [doubel]}" in result.out
    assert "error[E601] `include` names `doubel`" in result.out


def test_a_workflow_whose_tools_may_not_be_called_gets_a_block_to_paste(ste, folder):
    result = ste("check", "small.yaml", "--set", "tools.0.include=[store]")
    assert result.code == 2
    assert result.out.startswith(
        "--set tools.0.include:1:1: error[E602] the only tool, which is not read-only, may not be called:"
    )
    assert "unless `allow` names it\n  store: write" in result.out


def test_a_folder_is_refused_as_a_workflow(ste, folder):
    assert ste("check", ".").out == ".:1:1: error[E101] is a folder, not a workflow file\n"
    assert json.loads(ste("check", ".", "--format", "json").out)[0]["code"] == "E101"


def test_control_characters_of_a_workflow_do_not_reach_the_terminal(ste, folder):
    change(folder, "use: observe", 'use: "a\\e[31mb"')
    result = ste("check", "small.yaml")
    assert "unknown `use: a\ufffd[31mb`" in result.out
    assert "\x1b" not in result.out + result.err


@pytest.mark.parametrize("command", ["no-such-server", "./no-such-server"])
def test_a_program_of_a_server_that_is_not_there_is_a_warning_at_its_command(ste, folder, command):
    change(folder, "tools:", f"tools:\n  - {{use: mcp, command: {command}}}\n#")
    result = ste("check", "small.yaml")
    assert result.code == 0
    assert result.out.startswith("small.yaml:6:25: warning[W604] ")
    assert "no-such-server" in result.out.splitlines()[0]


def test_tools_that_do_not_say_what_they_do_are_named(ste, folder):
    tools = folder / "tools.py"
    tools.write_text(tools.read_text() + "\n@ste.tool(effect='read')\ndef silent(): ...\n")
    result = ste("check", "small.yaml")
    assert result.code == 0
    assert "warning[W605] tools without a description: silent\n" in result.out
