from __future__ import annotations

import pytest
from language_bench import Bench

CALL = "async def __call__(self, inputs, ctx): ..."


def test_a_plugin_that_is_not_there_is_suggested(bench: Bench) -> None:
    assert bench.problems(("[steps.py]", "[step.py]"))[0] == ("4:11 E501 plugin not found: `step.py` | steps.py?")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\nraise ValueError('no\\nway')", "ValueError: no way (steps.py:2 <module>)"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere' (steps.py:1 <module>)"),
        ("x = (1", "SyntaxError: '(' was never closed (steps.py:1)"),
        ("class Panic(BaseException): ...\nraise Panic('no')", "Panic: no (steps.py:2 <module>)"),
        ("raise SystemExit(3)", "SystemExit: 3 (steps.py:1 <module>)"),
    ],
)
def test_a_plugin_that_fails_to_import_says_where(bench: Bench, code: str, message: str) -> None:
    bench.write("steps.py", code)
    assert bench.problems() == [f"4:11 E502 plugin `steps.py` fails to import: {message}"]


def test_a_plugin_that_is_not_utf_8_says_which_byte(bench: Bench) -> None:
    (bench.folder / "steps.py").write_bytes(b"x = 1\ny = 'caf\xe9'\n")
    file = bench.folder / "steps.py"
    assert bench.problems() == [
        f"4:11 E502 plugin `steps.py` fails to import: `{file}` is not UTF-8 text (byte 14, line 2); save it as UTF-8"
    ]


def test_plugins_are_not_run_where_that_is_not_wanted(bench: Bench) -> None:
    bench.write("steps.py", "raise SystemExit('ran')")
    loaded = bench.load(plugins=False)
    assert [remark.message for remark in loaded.remarks] == [
        f"`steps.{name}` was not loaded: its inputs and outputs are not checked"
        for name in ("Ask", "Act", "Look", "Say")
    ]
    assert loaded.workflow.nodes["say"].model_calls == 1


def test_two_plugins_of_one_name_are_refused(bench: Bench) -> None:
    bench.write("more/steps.py", "")
    assert bench.problems(("[steps.py]", "[steps.py, more/steps.py]")) == [
        "4:21 E501 two plugins are called `steps` | files of different names: `use:` tells them apart by name"
    ]


def test_a_changed_plugin_is_read_anew(bench: Bench) -> None:
    bench.load()
    steps = bench.folder / "steps.py"
    bench.write("steps.py", steps.read_text("utf-8").replace("done: bool", "finished: bool"))
    assert bench.problems()[0].startswith("21:20 E204 unknown name `act.done`")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("class Inputs: pass", "`Odd.Inputs` must be a subclass of `NodeInputs`"),
        (f"x: 'Nope'\n    {CALL}", "`use: odd.Odd` fails: PydanticUserError: `OddSettings` is not fully defined; you "
                      "should define `Nope`, then call `OddSettings.model_rebuild()`."),
        (f"output_type = classmethod(lambda cls, settings: {{}}['x'])\n    {CALL}",
         "`output_type` of `ask` fails: KeyError: 'x' (odd.py:3 Odd.<lambda>)"),
    ],
)  # fmt: skip
def test_a_plugins_class_that_does_not_work_is_an_error_of_its_use(bench: Bench, body: str, message: str) -> None:
    bench.write("odd.py", f"from ste_graph.node import Node\nclass Odd(Node):\n    {body}\n")
    found = bench.problems(("[steps.py]", "[steps.py, odd.py]"), ("steps.Ask", "odd.Odd"))
    assert found[0].partition(" | ")[0] == f"10:14 E502 {message}"


def test_a_class_that_is_not_a_node_is_not_offered(bench: Bench) -> None:
    found = bench.problems(("steps.Ask", "steps.Fact"))[0]
    assert found == (
        "10:14 E210 plugin `steps.py` has no class `Fact` for `nodes` | steps.Act? "
        "| one of: steps.Act, steps.Ask, steps.Compare, steps.Look, steps.Say"
    )
    found = bench.problems(("{use: transcript", "{use: steps.Ask"))[0]
    assert found == (
        "7:15 E210 plugin `steps.py` has no class `Ask` for `memory` | a class in `steps.py` that fits `memory`"
    )
