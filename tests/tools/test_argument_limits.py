"""No schema and no arguments hold up a run: work is limited, off the event loop, and what was not checked is named."""

import asyncio
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ste_graph.contracts import ReadResult
from ste_graph.memory.values.settings import KnownValues
from ste_graph.nodes.filter import Filter
from ste_graph.run.memories import StoredValues
from ste_graph.tools import validation
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.toolbox import Toolbox

SLOW = "^(a|aa)+$"
LONG = "a" * 60 + "!"
URL = r"^(https?:\/\/)?([\da-z\.-]+)\.([a-z\.]{2,6})([\/\w \.-]*)*\/?$"


def nested(levels, leaf, keyword="anyOf"):
    """A value is right if it fits one of two options, each of which is two options, and so on."""
    defs = {f"A{at}": {keyword: [{"$ref": f"#/$defs/A{at + 1}"}] * 2} for at in range(levels)}
    return {"properties": {"x": {"$ref": "#/$defs/A0"}}, "$defs": defs | {f"A{levels}": leaf}}


def inline(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"anyOf": [schema, {"type": "boolean"}]}
    return {"properties": {"x": schema}}


REFUSED = {
    "nested repeats": ({"properties": {"x": {"pattern": "^(a+)+$"}}}, {"x": "a" * 43 + "!"}),
    "many dots": ({"properties": {"x": {"pattern": "(.*a){30}"}}}, {"x": "a" * 29 + "b" * 200}),
    "address": ({"properties": {"x": {"pattern": URL}}}, {"x": "https://files.example.org/reports/annual?x=1"}),
    "options": (nested(25, {"type": "string"}), {"x": 5}),
    "several options at once": (nested(25, {"type": "string"}, "oneOf"), {"x": "a"}),
    "forbidden": (nested(25, {"not": {}}), {"x": {"a": 1}}),
    "parts of a whole": (nested(25, {"type": "integer"}, "allOf"), {"x": "many"}),
    "options written out": (inline(60), {"x": 5}),
    "values that differ": ({"properties": {"x": {"uniqueItems": True}}}, {"x": [{"n": n % 4000} for n in range(4500)]}),
    "a long list of values": ({"properties": {"x": {"enum": list(range(20_000))}}}, {"x": -1}),
}
UNCHECKED = {
    "pattern": ({"properties": {"x": {"pattern": SLOW}}}, {"x": LONG}, SLOW),
    "many patterns": (
        {"properties": {f"x{n}": {"pattern": f"{SLOW}|{n}"} for n in range(50)}},
        {f"x{n}": LONG for n in range(50)},
        SLOW,
    ),
    "names": ({"propertyNames": {"pattern": SLOW}}, {LONG: 1}, SLOW),
    "names by pattern": ({"patternProperties": {SLOW: {}}, "additionalProperties": False}, {LONG: 1}, SLOW),
    "names left over": ({"patternProperties": {SLOW: {}}, "unevaluatedProperties": False}, {LONG: 1}, SLOW),
    "hidden in a value": (
        {
            "properties": {
                "x": {"$ref": "#/properties/y/const"},
                "y": {"const": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": SLOW}},
            }
        },
        {"x": LONG},
        SLOW,
    ),
    "more values than anyone sends": ({}, {"x": [0] * 50_000}, "they hold more than 10,000 values"),
    "depth": (inline(300), {"x": 5}, "nested too deeply"),
    "size": ({"properties": {f"p{n}": {"description": "x" * 100} for n in range(2000)}}, {"p1": 5}, "200,000"),
    "faults": ({"properties": {f"p{n}": {"type": "strin"} for n in range(500)}}, {"p1": 5}, "too much of it is broken"),
}


@pytest.mark.parametrize("arguments", [{"numeral": ["MCM"]}, {"numeral": "mcm"}, {}])
async def test_an_explanation_is_the_same_however_busy_the_machine_is(arguments, monkeypatch):
    numeral = {"type": "string", "pattern": "^[IVXLCDM]+$", "examples": ["MCMXCIV"]}
    schema = {"type": "object", "properties": {"numeral": numeral}, "required": ["numeral"]}
    checker = ArgumentChecker("from_roman", schema)
    expected = checker.check(arguments)
    assert 'such as "MCMXCIV"' in str(expected.problem)
    monkeypatch.setattr(validation, "QUICK_PATTERN_S", 0.0)  # as if other work had taken all of the time
    assert await checker.check_aside(arguments) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_arguments_are_refused_in_time_however_much_there_is_to_compare(name):
    schema, arguments = REFUSED[name]
    started = time.thread_time()
    assert ArgumentChecker("t", schema).problem(arguments) is not None
    assert time.thread_time() - started < 1.0


@pytest.mark.parametrize("name", UNCHECKED)
def test_what_would_take_too_long_is_not_checked_and_named(name):
    schema, arguments, fault = UNCHECKED[name]
    checker = ArgumentChecker("t", schema)
    started = time.thread_time()
    assert checker.problem(arguments) is None
    assert time.thread_time() - started < 2.0
    assert fault in checker.faults[0]


def test_a_pattern_that_took_too_long_is_not_tried_again_on_such_a_text():
    schema = {"properties": {"x": {"pattern": f"{SLOW}|again"}}}
    assert ArgumentChecker("t", schema).problem({"x": LONG}) is None
    started = time.thread_time()
    checker = ArgumentChecker("t", schema)
    assert [checker.problem({"x": LONG + "a" * at}) for at in range(100)] == [None] * 100
    assert time.thread_time() - started < 0.5
    assert len(checker.faults) == 1
    assert checker.problem({"x": "a!"}) is not None


def test_the_rest_is_checked_where_a_pattern_takes_too_long():
    schema = {"properties": {"x": {"pattern": SLOW}, "n": {"type": "integer"}}}
    assert ArgumentChecker("t", schema).problem({"x": LONG, "n": "many"}) == (
        'Invalid arguments for `t`:\n- `n`: expected integer; got "many"'
    )


def test_a_schema_that_leads_back_to_itself_is_checked_once():
    round_trip = {"$ref": "#/$defs/A", "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}, {"required": ["a"]}]}}}
    assert ArgumentChecker("t", round_trip).problem({"a": 1}) is None
    assert "`a`: required" in str(ArgumentChecker("t", round_trip).problem({}))


async def longest_gap(work):
    """The longest time for which the event loop stood still meanwhile."""
    gaps, last = [0.0], time.perf_counter()
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
    return max(gaps), task.result()


def look(x: str) -> str:
    return x


async def test_the_loop_goes_on_while_a_tool_of_a_stranger_is_checked():
    tool = replace(FunctionTool.of("look", look, "read"), parameters={"properties": {"x": {"pattern": SLOW}}})
    box = Toolbox([tool])
    gap, observation = await longest_gap(box.call("look", {"x": LONG}))
    assert observation.ok
    assert observation.notes == (
        f"the arguments of `look` were not checked by the pattern `{SLOW}`: it takes too long on 61 characters",
    )
    assert gap < 0.25
    assert SLOW in box.faults[0]


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_in_the_middle_of_a_check(name):
    code = (
        "import asyncio\n"
        "from ste_graph.tools.arguments import ArgumentChecker\n"
        f"checker = ArgumentChecker('t', {{'properties': {{'x': {{'pattern': {SLOW!r}}}}}}})\n"
        "async def main():\n"
        "    print('ready', flush=True)\n"
        f"    for _ in range(60): await checker.check_aside({{'x': {LONG!r}}})\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(name)
        assert process.wait(5) != 0


async def test_the_loop_goes_on_while_trials_are_filtered_and_values_are_drawn_by_a_strangers_schema(tmp_path):
    schema = {"properties": {"order_id": {"pattern": SLOW}}, "required": ["order_id"]}
    tool = {"name": "look", "description": "", "parameters": schema, "effect": "read"}
    seen = {"ok": True, "kind": "ok", "text": "done", "data": None}
    step = {"thought": "", "action": "look", "arguments": {"order_id": LONG}, "observation": seen}
    trial = {"id": "t", "query": f"Look at {LONG}", "steps": [step], "answer": "done", "solved": True}
    gap, outputs = await longest_gap(Filter(checks=("format",))(Filter.Inputs(trial=trial, tool=tool), None))
    assert (outputs.passed, gap < 0.25) == (True, True)

    pool = KnownValues().open("values", tmp_path)
    pool.begin_wave(1, [ReadResult(tool="list", data={"orders": [{"id": f"{LONG}{n}"} for n in range(5)]}, text="")])
    gap, drawn = await longest_gap(StoredValues(pool).draw(tool, 3))
    assert (len(drawn["order_id"]), gap < 0.25) == (3, True)
