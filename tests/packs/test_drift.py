"""Every change of a tool is noticed and named, and touches that tool alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given as given_some
from hypothesis import strategies as some

from ste_graph.contracts import Observation
from ste_graph.errors import WorkflowError
from ste_graph.json_values import canonical_json
from ste_graph.memory.exemplars.packs.pack_verification import verify_tools
from ste_graph.packs.drift import compare_tools, require_current
from ste_graph.packs.outcome import TOO_FEW, PackOutcome
from ste_graph.packs.pack import ToolDefinition
from tests.packs.conftest import FakeTool, notes, weather


class SilentTool(FakeTool):
    """A tool whose server does not answer."""

    async def call(self, arguments: Mapping[str, Any]) -> Observation:
        self.calls.append(arguments)
        return Observation(ok=False, kind="transport", text="No answer from 127.0.0.1:8321")


def test_a_server_that_does_not_answer_is_no_loss_and_is_asked_once(pack) -> None:
    plain = weather()
    silent = SilentTool("weather", plain.parameters["properties"], required=["place"])
    outcome = PackOutcome("pack")
    asyncio.run(verify_tools(pack, [silent, notes()], None, outcome, calls=True))
    (found,) = [each for each in outcome.findings if each.name == "unanswered"]
    assert (found.status, found.text) == (
        "unknown",
        "the calls of 2 exemplars got no answer: No answer from 127.0.0.1:8321",
    )
    assert len(silent.calls) == 1
    assert outcome.exit_code == TOO_FEW
    assert outcome.summary.endswith("next: start the service that the tools call, and verify again")


PLACE = {"type": "string"}
UNIT = {"type": "string", "enum": ["celsius", "kelvin"]}


def given(*, required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """The tool with these parameters beside its own; one called `city` takes the place of `place`."""
    own = {} if "city" in properties else {"place": PLACE}
    return {"properties": {**own, "unit": UNIT, **properties}, "required": required or ["place"]}


def choices(*names: str) -> dict[str, Any]:
    return given(unit={**UNIT, "enum": list(names)})


CHANGES = {
    "a renamed parameter": (given(city=PLACE, unit=UNIT, required=["city"]), "parameter `place` is now called `city`"),
    "a new required one": (given(day=PLACE, required=["place", "day"]), "parameter `day` is new and required"),
    "a new optional one": (given(day=PLACE), "parameter `day` is new"),
    "one that went": ({"properties": {"place": PLACE}}, "parameter `unit` is gone"),
    "one that must be given now": ({"required": ["place", "unit"]}, "parameter `unit` is now required"),
    "one that need not be given now": ({"required": []}, "parameter `place` is no longer required"),
    "an enum with more": (choices("celsius", "kelvin", "rankine"), 'parameter `unit`: enum is now with "rankine"'),
    "an enum with less": (choices("celsius"), 'parameter `unit`: enum is now without "kelvin"'),
    "another type": (given(place={"type": "integer"}), 'parameter `place`: type is "integer", was "string"'),
    "a new bound": (given(place={**PLACE, "maxLength": 9}), "parameter `place`: maxLength is 9, was unset"),
    "other words": (given(place={**PLACE, "description": "x"}), "parameter `place`: description has other words"),
    "a parameter within one": (
        given(place={"type": "object", "properties": {"city": PLACE}, "required": ["city"]}),
        'parameter `place`: properties is {"city":{"type":"string"}}, was unset',
    ),
    "another effect": ({"effect": "write"}, "effect is write, was read"),
    "another description": ({"description": "Forecast."}, "description has other words"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed_named_and_touches_one_tool(pack, change) -> None:
    changes, named = CHANGES[change]
    report = compare_tools(pack.definitions, [weather(**changes), notes()])
    (drift,) = report.changed
    assert (drift.tool, report.same, report.new) == ("weather", ["notes"], [])
    assert named in drift.fields
    with pytest.raises(WorkflowError) as caught:
        require_current(pack, [weather(**changes), notes()])
    assert (
        f"is outdated, since 1 tool changed after its gain was measured: `weather`: {', '.join(drift.fields)}"
        in str(caught.value)
    )
    assert f"ste pack verify {pack.path} --tools FILE" in str(caught.value)


def inner(**changes: Any) -> dict[str, Any]:
    """The parameters of a tool that takes a list of filters, each with a language."""
    language = {"type": "string", "enum": ["en", "de"]}
    each = {"type": "object", "properties": {"language": language}, "required": ["language"], **changes}
    return {"properties": {"filters": {"type": "array", "items": each}}, "required": []}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"required": []}, "parameter `filters[].language` is no longer required"),
        ({"properties": {"language": {"type": "string", "enum": ["en"]}}}, "`filters[].language`: enum is now without"),
        ({"properties": {"tongue": {"type": "string", "enum": ["en", "de"]}}}, "is now called `filters[].tongue`"),
        ({"additionalProperties": False}, "parameter `filters[]`: additionalProperties is false, was unset"),
        ({"title": "x" * 99}, "parameter `filters[]`: title is "),
    ],
)
def test_a_change_within_a_parameter_is_named_by_its_path(changes, named) -> None:
    before = {"weather": ToolDefinition.of(weather(**inner()))}
    (drift,) = compare_tools(before, [weather(**inner(**changes))]).changed
    assert any(named in field for field in drift.fields)


SCHEMAS = some.recursive(
    some.fixed_dictionaries(
        {}, optional={"type": some.sampled_from(["string", "object"]), "enum": some.lists(some.integers(0, 2))}
    ),
    lambda part: some.fixed_dictionaries(
        {"properties": some.dictionaries(some.sampled_from("abc"), part, max_size=2)},
        optional={"required": some.lists(some.sampled_from("abc"), max_size=2, unique=True), "items": part},
    ),
    max_leaves=6,
)  # fmt: skip


@given_some(SCHEMAS, SCHEMAS)
def test_no_change_of_a_schema_goes_unnoticed(old, new) -> None:
    tools = [FakeTool("t", {}) for _ in range(2)]
    tools[0].parameters, tools[1].parameters = old, new
    report = compare_tools({"t": ToolDefinition.of(tools[0])}, tools[1:])
    assert bool(report.changed) == (canonical_json(old) != canonical_json(new))
    assert all(drift.fields for drift in report.changed)


def test_tools_that_are_as_they_were_hold_whatever_the_order_of_their_keys(pack) -> None:
    turned = weather(properties={"unit": dict(reversed(UNIT.items())), "place": PLACE})
    report = compare_tools(pack.definitions, [notes(), turned])
    assert (report.changed, sorted(report.same)) == ([], ["notes", "weather"])
    require_current(pack, [notes(), turned])


def test_a_tool_that_is_gone_and_one_that_is_new_are_named(pack) -> None:
    other = weather()
    other.name = "forecast"
    report = compare_tools(pack.definitions, [notes(), other])
    assert [drift.text for drift in report.changed] == ["`weather` is no longer there"]
    assert report.new == ["forecast"]
    require_current(pack, [notes(), other])  # what is not there cannot be called wrongly


def test_a_pack_of_tools_that_are_not_there_at_all_is_refused(pack) -> None:
    other = weather()
    other.name = "forecast"
    with pytest.raises(WorkflowError, match="is about other tools: `weather`, `notes`; there are: `forecast`"):
        require_current(pack, [other])


def test_only_the_tools_that_it_was_adopted_for_can_make_a_pack_outdated(make_pack) -> None:
    require_current(make_pack(tools=("notes",)), [weather(effect="write"), notes()])
