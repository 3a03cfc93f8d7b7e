from dataclasses import replace

import pytest
import yaml
from pydantic import ValidationError

from ste_graph.errors import WorkflowError
from ste_graph.tools.forwarded import ForwardedTool, effect_note
from ste_graph.tools.names import RenamedTool, rename_repeats
from ste_graph.tools.policy import ToolPolicy, check_allowed, effects_block, list_skipped, note_doubt
from ste_graph.tools.python.function import FunctionTool


class Doubtful(ForwardedTool):
    @property
    def effect_note(self):
        return note_doubt("GET, but its name says that it deletes", self.name)


def tool(name, effect, about="Do it.\n\nAt length."):
    def function() -> None: ...

    function.__doc__ = about
    return FunctionTool.of(name, function, effect)


TOOLS = [tool("look", "read"), tool("add_row", "write"), tool("drop", "destructive"), tool("null", "write", "")]


def test_read_tools_may_always_be_called_and_allow_opens_more_by_effect_or_name():
    def allowed(*allow):
        return [tool.name for tool in TOOLS if ToolPolicy(allow=allow).allows(tool)]

    assert allowed() == ["look"]
    assert allowed("write") == ["look", "add_row", "null"]
    assert allowed("drop") == ["look", "drop"]


def test_a_skipped_tool_comes_with_the_line_that_would_allow_it():
    drop, null = list_skipped(TOOLS, ToolPolicy(allow=["add_row"]))
    reads = "effects: {drop: read} in its entry of `tools:`, if it only reads"
    assert str(drop) == f"drop (destructive)  allow: [add_row, drop]; or {reads}"
    assert str(null) == 'null (write)  allow: [add_row, "null"]'
    assert drop.to_json() == {"effect": "destructive", "remedy": "allow: [add_row, drop]"}


def test_a_skipped_tool_whose_effect_is_in_doubt_says_why_in_its_one_line():
    tool = replace(TOOLS[2], description="Delete.\nMore.")
    doubtful = Doubtful(tool)
    note = "GET, but its name says that it deletes; not called unless `effects: {drop: read}`"
    (skipped,) = list_skipped([doubtful], ToolPolicy())
    assert str(skipped) == f"drop (destructive)  {note}"
    assert skipped.to_json() == {"effect": "destructive", "remedy": "allow: [drop]", "note": note}
    assert effects_block([doubtful]).splitlines()[1] == f"  drop: destructive  # {note}"
    (renamed, _) = rename_repeats([RenamedTool(doubtful, "drop_2"), tool])
    assert effect_note(renamed) == note


def test_the_effects_block_is_yaml_to_paste_with_each_tools_first_line():
    block = effects_block(TOOLS)
    assert block == (
        "effects:  # write `read` for a tool that only reads: a run calls no other, unless `allow` names it\n"
        "  look: read         # Do it.\n"
        "  add_row: write     # Do it.\n"
        "  drop: destructive  # Do it.\n"
        '  "null": write\n'
    )
    assert yaml.safe_load(block)["effects"] == {tool.name: tool.effect for tool in TOOLS}


def test_limits_that_make_no_sense_are_refused():
    for wrong in ({"timeout_s": 0}, {"characters": 5}, {"calls": -1}, {"per_minute": 0}, {"alow": []}):
        with pytest.raises(ValidationError):
            ToolPolicy(**wrong)


def test_a_policy_that_allows_what_is_not_there_is_refused():
    check_allowed(ToolPolicy(allow=["write", "drop"]), TOOLS)
    with pytest.raises(WorkflowError) as caught:
        check_allowed(ToolPolicy(allow=["add_rwo"]), TOOLS)
    assert str(caught.value) == (
        "`allow` names `add_rwo`, which is neither an effect nor a tool; did you mean `add_row`? "
        "effects: destructive, read, write; tools: add_row, drop, look, null"
    )


def test_with_ask_every_tool_may_be_called_and_only_allowed_ones_without_asking():
    policy = ToolPolicy(ask=True, allow=["add_row"])
    assert [tool.name for tool in TOOLS if policy.allows(tool)] == ["look", "add_row", "drop", "null"]
    assert [tool.name for tool in TOOLS if policy.asks(tool)] == ["drop", "null"]
