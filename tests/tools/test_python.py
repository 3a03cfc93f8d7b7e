import json
from pathlib import Path

import pytest

from ste_graph.contracts import Observation
from ste_graph.errors import WorkflowError
from ste_graph.tools.python.source import PythonTools


def module(folder: Path, source: str) -> str:
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    return str(path)


async def refused(**settings) -> str:
    with pytest.raises(WorkflowError) as caught:
        await PythonTools(**settings).open()
    return str(caught.value)


async def test_the_public_functions_defined_in_a_module_are_its_tools_in_the_order_of_the_source(tmp_path):
    path = module(
        tmp_path,
        "from os.path import join\n"
        "def second(x: int): 'Two.'\n"
        "def first(): 'One.'\n"
        "def _hidden(): ...\n"
        "class Shelf: ...\n",
    )
    tools = await PythonTools(module=path).open()
    assert [(tool.name, tool.description, tool.effect) for tool in tools] == [
        ("second", "Two.", "destructive"),
        ("first", "One.", "destructive"),
    ]


async def test_in_a_module_that_marks_a_function_only_marked_ones_are_tools(tmp_path):
    path = module(
        tmp_path,
        "from ste_graph.tools.decorator import tool\n"
        "@tool(effect='read')\n"
        "def look(): ...\n"
        "@tool()\n"
        "def wipe(): ...\n"
        "@tool\n"
        "def drop(): ...\n"
        "def other(): ...\n",
    )
    tools = await PythonTools(module=path).open()
    assert [(tool.name, tool.effect) for tool in tools] == [
        ("look", "read"),
        ("wipe", "destructive"),
        ("drop", "destructive"),
    ]


async def test_an_effect_without_its_name_is_refused_with_the_line_to_write(tmp_path):
    path = module(tmp_path, "from ste_graph.tools.decorator import tool\n@tool('read')\ndef look(): ...\n")
    assert "expected `@ste.tool`, or an effect by its name: `@ste.tool(effect='read')`" in await refused(module=path)


async def test_unmarked_functions_beside_marked_ones_are_taken_if_a_setting_names_them(tmp_path):
    module = tmp_path / "mixed.py"
    module.write_text(
        "import ste_graph as ste\n"
        "def plain() -> int: ...\n"
        "def other() -> int: ...\n"
        "@ste.tool(effect='read')\n"
        "def marked() -> int: ...\n",
        encoding="utf-8",
    )
    source = PythonTools(module=str(module), effects={"plain": "read"})
    assert [(tool.name, tool.effect) for tool in await source.open()] == [("plain", "read"), ("marked", "read")]
    (tool,) = await PythonTools(module=str(module), include=["other"]).open()
    assert (tool.name, tool.effect) == ("other", "destructive")
    assert [tool.name for tool in await PythonTools(module=str(module), include=["*"]).open()] == ["marked"]


async def test_include_and_exclude_choose_in_the_order_of_the_source_and_effects_override_the_mark(tmp_path):
    path = module(tmp_path, "def a(): ...\ndef b1(): ...\ndef b2(): ...\ndef c(): ...\n")
    tools = await PythonTools(module=path, include=["c", "b*"], exclude=["b2"], effects={"b1": "read"}).open()
    assert [(tool.name, tool.effect) for tool in tools] == [("b1", "read"), ("c", "destructive")]
    assert await refused(module=path, exclude=["*"]) == (
        f"tools: `{path}` gives no tool: `include` and `exclude` leave none of its tools; it has: a, b1, b2, c"
    )


async def test_an_effect_is_stated_by_the_functions_own_name_or_by_the_one_that_is_shown(tmp_path):
    path = module(tmp_path, "def straße(): ...\ndef stra_e(): ...\n")

    async def effects(**stated):
        return {tool.name: tool.effect for tool in await PythonTools(module=path, effects=stated).open()}

    assert await effects(stra_e="read") == {"stra_e_2": "destructive", "stra_e": "read"}
    assert await effects(straße="read") == {"stra_e_2": "read", "stra_e": "destructive"}
    assert await effects(stra_e_2="read") == {"stra_e_2": "read", "stra_e": "destructive"}


async def test_all_says_what_is_public_even_if_it_is_imported(tmp_path):
    path = module(tmp_path, "from textwrap import dedent\n__all__ = ['dedent']\ndef mine(): ...\n")
    assert [tool.name for tool in await PythonTools(module=path).open()] == ["dedent"]


async def test_a_function_can_be_named_after_the_module():
    (tool,) = await PythonTools(module="textwrap:shorten").open()
    assert tool.name == "shorten"
    assert tool.parameters["required"] == ["text", "width"]
    observation = await tool.call({"text": "one two three", "width": 9})
    assert observation == Observation(ok=True, kind="ok", text="one [...]")


async def test_a_file_can_import_its_neighbours_and_is_loaded_again_after_a_change(tmp_path):
    (tmp_path / "neighbour_of_mine.py").write_text("WORD = 'hello'\n", encoding="utf-8")
    path = module(tmp_path, "from neighbour_of_mine import WORD\ndef greet(): return WORD\n")
    (greet,) = await PythonTools(module=path).open()
    assert (await greet.call({})).text == "hello"
    module(tmp_path, "def leave(): return 'bye'\n")
    assert [tool.name for tool in await PythonTools(module=path).open()] == ["leave"]


async def test_settings_configure_a_module_which_each_setting_loads_anew(tmp_path):
    path = module(
        tmp_path, "WORD = ''\ndef configure(word):\n    global WORD\n    WORD = word\ndef greet(): return WORD\n"
    )
    (hello,) = await PythonTools(module=path, settings={"word": "hello"}).open()
    (bye,) = await PythonTools(module=path, settings={"word": "bye"}).open()
    assert [(await tool.call({})).text for tool in (hello, bye)] == ["hello", "bye"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def greet(): ...\n", r"`settings` needs a function `configure` in `.*`, which has none"),
        ("def configure(): ...\n", r"`configure` of `.*` refuses the `settings`: TypeError: .* unexpected keyword"),
    ],
)
async def test_settings_that_a_module_does_not_take_are_refused(tmp_path, code, message):
    with pytest.raises(WorkflowError, match=message):
        await PythonTools(module=module(tmp_path, code), settings={"word": "hello"}).open()


async def test_async_functions_and_lambdas_with_unicode_names_are_called(tmp_path):
    path = module(tmp_path, "async def straße(n: int) -> int: return n + 1\n")
    (tool,) = await PythonTools(module=path).open()
    assert tool.name == "stra_e"
    assert (await tool.call({"n": 1})).text == "2"


async def test_langchain_tools_are_taken_as_they_are(tmp_path):
    path = module(
        tmp_path,
        "from langchain_core.tools import tool\n"
        "@tool\n"
        "def add(a: int, b: int = 2) -> int:\n"
        "    'Add two numbers.'\n"
        "    return a + b\n"
        "@tool\n"
        "async def fail(): 'Fail.'; raise ValueError('no')\n"
        "def not_a_tool(): ...\n",
    )
    add, fail = await PythonTools(module=path, effects={"add": "read"}).open()
    assert (add.name, add.description, add.effect, fail.effect) == ("add", "Add two numbers.", "read", "destructive")
    assert add.parameters == {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"default": 2, "type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert await add.call({"a": 1}) == Observation(ok=True, kind="ok", text="3")
    assert await fail.call({}) == Observation(ok=False, kind="tool_error", text="ValueError: no")


async def test_a_langchain_tool_that_takes_one_text_shows_that_text(tmp_path):
    path = module(
        tmp_path,
        "from langchain_core.tools import Tool\n"
        "search = Tool('search', lambda text: text.upper(), 'Search.')\n"
        "async def later(text): return text * 2\n"
        "twice = Tool('twice', None, 'Twice.', coroutine=later)\n",
    )
    search, twice = await PythonTools(module=path).open()
    assert search.parameters["properties"] == {"__arg1": {"type": "string"}}
    assert await search.call({"__arg1": "ulm"}) == Observation(ok=True, kind="ok", text="ULM")
    assert await twice.call({"__arg1": "ab"}) == Observation(ok=True, kind="ok", text="abab")


async def test_a_langchain_tool_is_called_with_a_whole_tool_call(tmp_path):
    path = module(
        tmp_path,
        "from typing import Annotated\n"
        "from langchain_core.tools import InjectedToolCallId, StructuredTool, ToolException, tool\n"
        "@tool\n"
        "def mark(n: int, id: Annotated[str, InjectedToolCallId]) -> str:\n"
        "    'Mark.'\n"
        "    return f'{n} {bool(id)}'\n"
        "@tool(response_format='content_and_artifact')\n"
        "def draw(n: int) -> tuple[str, list[int]]:\n"
        "    'Draw.'\n"
        "    return f'drawn {n}', [n] * 1000\n"
        "@tool\n"
        "def table() -> dict:\n"
        "    'Table.'\n"
        "    return {'ä': [1, None]}\n"
        "def refuse(): raise ToolException('no such room')\n"
        "refuse = StructuredTool.from_function(refuse, name='refuse', description='Refuse.', handle_tool_error=True)\n",
    )
    mark, draw, table, refuse = await PythonTools(module=path).open()
    assert list(mark.parameters["properties"]) == ["n"]
    assert (await mark.call({"n": 3})).text == "3 True"
    assert (await draw.call({"n": 3})).text == "drawn 3"
    assert json.loads((await table.call({})).text) == {"ä": [1, None]}
    assert await refuse.call({}) == Observation(ok=False, kind="tool_error", text="no such room")


async def test_a_langchain_tool_that_cancels_itself_has_failed(tmp_path):
    path = module(
        tmp_path,
        "import asyncio\n"
        "from langchain_core.tools import tool\n"
        "@tool\n"
        "async def give_up(n: int) -> str:\n"
        "    'Give up.'\n"
        "    raise asyncio.CancelledError\n",
    )
    [tool] = await PythonTools(module=path).open()
    assert await tool.call({"n": 1}) == Observation(ok=False, kind="tool_error", text="CancelledError")


async def test_a_langchain_tool_whose_arguments_have_aliases_can_be_called_by_the_names_it_shows(tmp_path):
    path = module(
        tmp_path,
        "from langchain_core.tools import StructuredTool\n"
        "from pydantic import AliasChoices, BaseModel, Field\n"
        "class Span(BaseModel):\n"
        "    from_: int = Field(alias='from')\n"
        "    to: int = Field(validation_alias=AliasChoices('to', 'until'))\n"
        "def length(from_, to): return to - from_\n"
        "length = StructuredTool.from_function(length, name='length', description='Length.', args_schema=Span)\n",
    )
    (tool,) = await PythonTools(module=path).open()
    shown = tool.parameters["properties"]
    assert (await tool.call(dict(zip(shown, (2, 5), strict=True)))).text == "3"


async def test_what_a_function_gives_later_is_waited_for(tmp_path):
    path = module(
        tmp_path,
        "async def items(n: int):\n"
        "    for i in range(n): yield i\n"
        "async def answer(): return {'a': 1}\n"
        "def started(): return answer()\n"
        "def passed_on(n: int): return items(n)\n"
        "async def fails():\n"
        "    yield 1\n"
        "    raise ValueError('no')\n",
    )
    tools = {tool.name: tool for tool in await PythonTools(module=path).open()}
    assert (await tools["items"].call({"n": 3})).text == "[0,1,2]"
    assert (await tools["passed_on"].call({"n": 2})).text == "[0,1]"
    assert (await tools["started"].call({})).text == '{"a":1}'
    assert await tools["fails"].call({}) == Observation(ok=False, kind="tool_error", text="ValueError: no")


async def test_a_function_of_several_names_is_one_tool(tmp_path):
    path = module(
        tmp_path,
        "from ste_graph.tools.decorator import tool\n"
        "def make(word):\n"
        "    def inner(): return word\n"
        "    return inner\n"
        "for word in ('a', 'b'):\n"
        "    made = tool(effect='read')(make(word))\n"
        "    globals()[f'look_{word}'] = made\n"
        "@tool(effect='read')\n"
        "def search(): ...\n"
        "find = search\n",
    )
    assert [tool.name for tool in await PythonTools(module=path).open()] == ["look_a", "look_b", "search"]
    assert [tool.name for tool in await PythonTools(module=path, include=["find"]).open()] == ["find"]


async def test_names_that_are_not_there_are_answered_with_those_that_are(tmp_path):
    path = module(tmp_path, "def weather(): ...\ndef places(): ...\nN = 3\n")
    has = "did you mean `weather`? it has: places, weather"
    assert (
        await refused(module=path, include=["wether"])
        == f"tools: `include` names `wether`, which `{path}` does not have; {has}"
    )
    assert await refused(module=path, effects={"wether": "read"}) == (
        f"tools: `effects` names `wether`, which `{path}` does not have; {has}"
    )
    assert await refused(module=f"{path}:wether") == f"tools: `wether` does not exist in `{path}`; {has}"
    assert await refused(module=f"{path}:N") == f"tools: `N` is not a function in `{path}`; it has: places, weather"


async def test_a_module_that_does_not_import_says_what_happened_and_where(tmp_path):
    path = module(tmp_path, "x = 1\n1 / 0\n")
    assert (
        await refused(module=path)
        == f"tools: `{path}` does not import: ZeroDivisionError: division by zero ({path}:2 <module>)"
    )
    path = module(tmp_path, "raise SystemExit(3)\n")
    assert await refused(module=path) == f"tools: `{path}` does not import: SystemExit: 3 ({path}:1 <module>)"
    path = module(tmp_path, "from ste_graph.tools.decorator import tool\n@tool(effect='raed')\ndef f(): ...\n")
    assert await refused(module=path) == (
        f"tools: `{path}` does not import: ValueError: "
        f"A tool's effect is one of destructive, read, write; got 'raed' ({path}:2 <module>)"
    )
    assert await refused(module="no_such_module_anywhere") == (
        "tools: `no_such_module_anywhere` does not import: "
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'; "
        "expected the dotted name of an installed module, or a file that ends in `.py`"
    )
    (tmp_path / "latin.py").write_bytes(b"x = 1\ny = 'caf\xe9'\n")
    path = str(tmp_path / "latin.py")
    assert await refused(module=path) == (
        f"tools: `{path}` does not import: `{path}` is not UTF-8 text (byte 14, line 2); save it as UTF-8"
    )
    (tmp_path / "declared.py").write_bytes(b"# coding: latin-1\ny = 'caf\xe9'\n")
    assert "gives no tool" in await refused(module=str(tmp_path / "declared.py"))
    missing = str(tmp_path / "nothing.py")
    assert await refused(module=missing) == f"tools: `{missing}`: file not found; expected a Python file with functions"
    assert "expected `a.dotted.name`, `file.py` or `module:function`" in await refused(module="a:b:c")
    path = module(tmp_path, "x = 1\n")
    assert await refused(module=path) == (
        f"tools: `{path}` gives no tool; expected a public function, or one marked with `@ste.tool(effect=…)`"
    )


async def test_a_function_of_whose_hints_no_schema_can_be_made_is_left_out_and_named(tmp_path, caplog):
    code = "import typing\nclass Odd: ...\nclass Pair(typing.TypedDict):\n    a: int\n"
    code += "def odd(x: Odd): ...\ndef pair(x: Pair): ...\ndef call(x: typing.Callable): ...\ndef good(): ...\n"
    path = module(tmp_path, code)
    source = PythonTools(module=path)
    left_out = {"odd", "pair", "call"} - {tool.name for tool in await source.open()}
    assert left_out >= {"odd"}
    messages = [record.message for record in caplog.records]
    assert len(messages) == len(left_out)
    for name in left_out:
        start = f"tools: left out of `{path}`: tool `{name}`: no JSON Schema can be made of its type hints: "
        (message,) = (message for message in messages if message.startswith(start))
        assert message.endswith("change the hints or leave the function out with `exclude:`")
    caplog.clear()
    assert [tool.name for tool in await PythonTools(module=path, include=["good"]).open()] == ["good"]
    assert not caplog.records


async def test_a_source_none_of_whose_functions_can_be_used_is_refused(tmp_path):
    path = module(tmp_path, "class Odd: ...\ndef bad(x: Odd): ...\n")
    assert (await refused(module=path)).startswith("tool `bad`: no JSON Schema can be made of its type hints: ")
    assert (await refused(module=f"{path}:bad")).startswith(
        "tool `bad`: no JSON Schema can be made of its type hints: "
    )


async def test_an_empty_include_takes_no_tool_and_not_all_of_them():
    assert await PythonTools(module="string", include=()).open() == []
    assert await PythonTools(module="string:capwords", include=()).open() == []
