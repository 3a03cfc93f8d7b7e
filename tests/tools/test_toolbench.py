import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from ste_graph.errors import WorkflowError
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.toolbench.description import Description, plain_name, read_description
from ste_graph.tools.toolbench.source import ToolBenchTools
from ste_graph.tools.toolbox import Toolbox

STE = Path(os.environ.get("STE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "ste"
needs_data = pytest.mark.skipif(not STE.is_dir(), reason="the paper's data are not there; set STE_DATA")

ADD_DATE = (
    "Add days to a date. Date should be 'yyyy-mm-dd'.. Your input should be a json (args json schema): "
    '{{"date" : string, "days" : integer, }} The Action to trigger this API should be add_date and the rest.'
)
LIVE = {
    "description": "Giveaways by type",
    "required_parameters": [
        {"name": "type", "type": "STRING", "description": "", "default": "game"},
        {"name": "lang", "type": "ENUM", "description": "One of these: en (English), ru (Russian)", "default": ""},
    ],
    "optional_parameters": [
        {"name": "lat", "type": "NUMBER", "description": "Latitude.", "default": "37.5"},
        {"name": "json", "type": "STRING", "description": "", "default": True},
        {"name": "exact", "type": "BOOLEAN", "default": "FALSE"},
        {"name": "day", "type": "DATE (YYYY-MM-DD)", "default": ""},
        {"name": "count", "type": "NUMBER", "default": "many"},
    ],
    "parent_tool_name": "GamerPower",
    "parent_tool_description": "All free games.",
}


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "descriptions.json"
    given = {"add_date": ADD_DATE, "GamerPower%%Live giveaways": json.dumps(LIVE)}
    path.write_text(json.dumps(given), encoding="utf-8")
    return str(path)


def lines(path: Path, *calls: dict) -> str:
    path.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
    return str(path)


# Descriptions


def test_free_text_gives_the_words_before_the_arguments_and_all_arguments_are_required():
    described = read_description("add_date", ADD_DATE)
    assert described == Description(
        "add_date",
        "add_date",
        "Add days to a date. Date should be 'yyyy-mm-dd'.",
        {
            "type": "object",
            "properties": {"date": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["date", "days"],
            "additionalProperties": False,
        },
    )


def test_a_structured_description_gives_types_defaults_examples_and_the_values_of_an_enum():
    described = read_description("GamerPower%%Live giveaways", LIVE)
    assert described.text == "Giveaways by type. Part of GamerPower: All free games."
    assert described.parameters["required"] == ["type", "lang"]
    assert described.parameters["properties"] == {
        "type": {"type": "string", "examples": ["game"]},
        "lang": {"type": "string", "description": "One of these: en (English), ru (Russian)", "enum": ["en", "ru"]},
        "lat": {"type": "number", "description": "Latitude.", "default": 37.5},
        "json": {"type": ["string", "boolean"], "default": True},
        "exact": {"type": "boolean", "default": False},
        "day": {"type": "string", "format": "date"},
        "count": {"type": ["number", "string"], "default": "many"},
    }
    assert read_description("GamerPower%%Live giveaways", json.dumps(LIVE)) == described


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("add_date", "add_date"),
        ("GamerPower%%Filter & Group Giveaways", "GamerPower_Filter_Group_Giveaways"),
        ("NumbersToLetters%%Moneda MXN Español", "NumbersToLetters_Moneda_MXN_Espanol"),
        ("系統", "tool"),
    ],
)
def test_names_are_legal_for_models(original, name):
    assert plain_name(original) == read_description(original, "Do it.").name == name


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
parameters = st.lists(
    st.fixed_dictionaries(
        {"name": st.text(min_size=1, max_size=6)},
        optional={
            "type": st.sampled_from(["STRING", "string", "NUMBER", "BOOLEAN", "ENUM", "ARRAY", "OBJECT", "MAP", "GEO"]),
            "description": st.sampled_from(["", "one of: a, b", "values: en (English), de (German)", "x: ,"]),
            "default": json_values | st.sampled_from(["1", "2.5", "true", "[1]", "{}", "NaN", "a|b"]),
        },
    ),
    max_size=4,
)


@given(required=parameters, optional=parameters)
def test_every_description_gives_a_valid_schema_whose_own_defaults_and_examples_it_accepts(required, optional):
    schema = read_description("x", {"required_parameters": required, "optional_parameters": optional}).parameters
    Draft202012Validator.check_schema(schema)
    for entry in schema["properties"].values():
        for value in [*entry.get("examples", []), *([entry["default"]] if "default" in entry else [])]:
            assert Draft202012Validator(entry).is_valid(value)


@needs_data
async def test_the_papers_fifty_tools_accept_748_of_its_750_gold_calls():
    tools = await ToolBenchTools(path=str(STE / "API_descriptions_50.json")).open()
    gold = json.loads((STE / "tool_test.json").read_text(encoding="utf-8"))
    assert [tool.original for tool in tools] == json.loads((STE / "API_list.json").read_text(encoding="utf-8"))
    assert len({tool.name for tool in tools}) == 50
    assert {tool.effect for tool in tools} == {"destructive"}
    refused = []
    for tool in tools:
        arguments = ArgumentChecker(tool.name, tool.parameters)
        assert not arguments.faults
        for number, case in enumerate(gold[tool.original]):
            taken = arguments.check(json.loads(case["action_input"]))
            assert not taken.coerced
            refused += [(tool.original, number)] if taken.problem else []
    # Both cases ask about the tool itself; their gold is a call that leaves out all three required arguments.
    assert refused == [("PTL%%update", 4), ("PTL%%update", 14)]


# Execution


async def test_a_tool_with_only_a_schema_refuses_calls_and_says_why(file):
    box = Toolbox(await ToolBenchTools(path=file, effects={"add_date": "read"}).open())
    seen = await box.call("add_date", {"date": "2024-01-01", "days": 1})
    assert (seen.ok, seen.kind, seen.text) == (
        False,
        "refused",
        "`add_date` was not called: only its description is known. To execute it, give its source in the workflow "
        "`by` (other tools) or `cassette` (recorded calls).",
    )
    assert (await box.call("add_date", {"date": "2024-01-01"})).kind == "invalid_arguments"


async def test_a_cassette_answers_by_tool_and_arguments_in_any_order_and_the_later_line_counts(file, tmp_path):
    call = {"tool": "add_date", "arguments": {"days": 1, "date": "2024-01-01"}}
    bad = {"ok": False, "kind": "tool_error", "text": "no such type"}
    cassette = lines(
        tmp_path / "calls.jsonl",
        call | {"observation": {"ok": True, "kind": "ok", "text": "old"}},
        call | {"observation": {"ok": True, "kind": "ok", "text": "2024-01-02"}, "key": "further keys do no harm"},
        {"tool": "GamerPower_Live_giveaways", "arguments": {"type": "x", "lang": "en"}, "observation": bad},
    )
    box = Toolbox(await ToolBenchTools(path=file, cassette=cassette).open(), ToolPolicy(allow=("destructive",)))
    assert (await box.call("add_date", {"date": "2024-01-01", "days": 1})).text == "2024-01-02"
    assert (await box.call("GamerPower_Live_giveaways", {"type": "x", "lang": "en"})).kind == "tool_error"
    seen = await box.call("add_date", {"date": "2024-01-01", "days": 2})
    assert (seen.ok, seen.kind) == (False, "transport")
    assert seen.text == "No call of `add_date` with these arguments is recorded."


async def test_other_sources_execute_the_described_tools_with_their_own_effects(file, tmp_path):
    module = tmp_path / "dates.py"
    module.write_text(
        "import ste_graph as ste\n"
        "@ste.tool(effect='read')\n"
        "def plus(date: str, days: int) -> str:\n"
        "    return f'{date} + {days}'\n",
        encoding="utf-8",
    )
    entry = {"use": "python", "module": str(module), "names": {"add_date": "plus"}}
    source = ToolBenchTools(path=file, by=[entry])
    assert source.starts is False
    tools = await source.open()
    assert [(tool.name, tool.effect) for tool in tools] == [
        ("add_date", "read"),
        ("GamerPower_Live_giveaways", "destructive"),
    ]
    assert (await Toolbox(tools).call("add_date", {"date": "2024-01-01", "days": 3})).text == "2024-01-01 + 3"
    await source.close()
    wrong = ToolBenchTools(path=file, by=[entry | {"names": {"add_date": "plsu"}}])
    with pytest.raises(WorkflowError) as caught:
        await wrong.open()
    assert str(caught.value) == "tools: `by` has no tool `plsu` for `add_date`; did you mean `plus`? it has: plus"


async def test_include_and_effects_take_the_files_names_and_ours(file):
    source = ToolBenchTools(path=file, include=["GamerPower_Live_*"], effects={"GamerPower%%Live giveaways": "write"})
    assert [(t.name, t.original, t.effect) for t in await source.open()] == [
        ("GamerPower_Live_giveaways", "GamerPower%%Live giveaways", "write")
    ]
    with pytest.raises(WorkflowError) as caught:
        await ToolBenchTools(path=file, exclude=["add_dat"]).open()
    assert str(caught.value) == (
        f"tools: `exclude` names `add_dat`, which `{file}` does not have; did you mean `add_date`? "
        "it has: GamerPower_Live_giveaways, add_date"
    )


async def test_tools_of_the_file_with_the_same_legal_name_are_told_apart(tmp_path):
    path = tmp_path / "descriptions.json"
    path.write_text(json.dumps({"a%%b": "First.", "a_b": "Second.", "a b": "Third."}), encoding="utf-8")
    tools = await ToolBenchTools(path=str(path), effects={"a_b": "read", "a_b_3": "write"}).open()
    assert [(tool.original, tool.name, tool.effect) for tool in tools] == [
        ("a%%b", "a_b_2", "destructive"),
        ("a_b", "a_b", "read"),
        ("a b", "a_b_3", "write"),
    ]
    call = {"tool": "a_b", "arguments": {}, "observation": {"ok": True, "kind": "ok", "text": "second"}}
    cassette = lines(tmp_path / "calls.jsonl", call)
    (_, second, third) = await ToolBenchTools(path=str(path), cassette=cassette).open()
    assert [(await tool.call({})).kind for tool in (second, third)] == ["ok", "transport"]


# What is wrong


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "tools: `{path}`: file not found; expected a JSON file of ToolBench descriptions"),
        ("[]", "tools: `{path}` has no tools; expected a JSON object of names and descriptions"),
        (
            '{"a": 3}',
            "tools: the description of `a` in `{path}` cannot be used: it is neither free text nor a mapping with "
            "`required_parameters` and `optional_parameters`",
        ),
        (
            '{"a": {"required_parameters": [{"type": "STRING"}], "optional_parameters": []}}',
            "tools: the description of `a` in `{path}` cannot be used: a parameter is not a mapping with a `name`: "
            "{{'type': 'STRING'}}",
        ),
    ],
)
async def test_a_file_that_is_not_of_the_format_is_refused(tmp_path, content, message):
    path = tmp_path / "descriptions.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(WorkflowError) as caught:
        await ToolBenchTools(path=str(path)).open()
    assert str(caught.value) == message.format(path=path)


async def test_a_line_of_a_cassette_that_is_not_a_call_is_named(file, tmp_path):
    cassette = lines(tmp_path / "calls.jsonl", {"tool": "add_date"})
    with pytest.raises(WorkflowError) as caught:
        await ToolBenchTools(path=file, cassette=cassette).open()
    assert str(caught.value) == (
        f"{cassette}:1: not a recorded call; expected a JSON object with `tool`, `arguments` and `observation` "
        "(`ok`, `kind`, `text`)"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cassette": "b", "by": [{"use": "python", "module": "a"}]}, "expected `cassette` or `by`, not both"),
        ({"by": [{"use": "pyton"}]}, "`by`: unknown `use: pyton`; expected one of: "),
        ({"by": [{"use": "python"}]}, "`by`: `module`: Field required"),
        ({"by": [{"use": "python", "module": "a", "names": [1]}]}, "`by`: `names` must say per tool of the file"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError) as caught:
        ToolBenchTools(path="a", **settings)
    assert message in str(caught.value)


async def test_an_empty_include_takes_no_tool_and_opens_no_other_source(file):
    assert await ToolBenchTools(path=file, include=[], by=[{"use": "python", "module": "no_such_module"}]).open() == []


async def test_descriptions_that_are_not_utf_8_say_which_byte(tmp_path):
    path = tmp_path / "descriptions.json"
    path.write_bytes(b'{"a": "caf\xe9"}')
    with pytest.raises(WorkflowError) as error:
        await ToolBenchTools(path=str(path)).open()
    assert str(error.value) == f"tools: `{path}` is not UTF-8 text (byte 10); save it as UTF-8"
