from typing import Any

import pytest

from ste_graph.nodes.show import Show

LENT, TAUGHT = {"run_id": "1", "run": "runs/distil"}, {"run_id": "2", "run": "runs/explore"}
TOOLS = [
    {"name": name, "description": f"To {name}.", "parameters": {"type": "object"}, "fingerprint": f"f{name}"}
    for name in ("look", "walk", "fly")
]
WRITTEN = {"run_id": "3", "run": "runs/guideline", "without": "1"}
REWRITTEN = {"run_id": "4", "run": "runs/describe", "without": "1"}
LOOKED_UP: dict[str, Any] = {
    "examples": "the nearest",
    "ids": ["e1", "e2"],
    "calls": [{"query": "q", "action": "look", "arguments": {}}],
    "placebo": "of no use",
    "placebo_calls": [{"query": "p", "action": "look", "arguments": {}}],
    "placebo_ids": ["p1", "p2"],
    "exemplar_origin": LENT,
    "lines": ["Lesson: one"],
    "lesson_ids": ["l1"],
    "lesson_origin": TAUGHT,
    "tools": TOOLS,
    "nearest": [{"tool": "walk"}, {"tool": "fly"}],
    "guidelines": [
        {"tool": "look", "text": "Look at one place.", "fingerprint": "flook", "origin": WRITTEN},
        {"tool": "walk", "text": "", "fingerprint": "fwalk", "origin": WRITTEN},
        {"tool": "fly", "text": "Fly to towns, never to villages.", "fingerprint": "ffly", "origin": WRITTEN},
    ],
    "descriptions": [
        {
            "tool": name,
            "description": text,
            "parameters": {},
            "kept": kept,
            "fingerprint": f"f{name}",
            "origin": REWRITTEN,
        }
        for name, text, kept in (("look", "To see.", False), ("fly", "To fly to a town.", True))
    ],
}


async def shown(arm: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return (await Show()(Show.Inputs(arm=arm, **{**LOOKED_UP, **changes}), None)).model_dump()


async def test_the_baseline_shows_nothing_and_has_nothing_to_adopt() -> None:
    nothing = {name: [] for name in ("guidelines", "calls", "lines", "exemplars", "lessons")}
    nothing |= {"tools": TOOLS, "examples": "", "shown_tokens": 0, "subject": None}
    assert await shown({"name": "baseline"}) == nothing
    without = dict.fromkeys(LOOKED_UP)
    assert await shown({"name": "baseline"}, **without) == {**nothing, "tools": []}


async def test_each_arm_shows_what_it_says_and_names_what_would_be_adopted() -> None:
    exemplars = await shown({"name": "a", "exemplars": "nearest"})
    assert (exemplars["examples"], exemplars["exemplars"], exemplars["lines"]) == ("the nearest", ["e1", "e2"], [])
    assert exemplars["calls"] == LOOKED_UP["calls"]
    assert exemplars["subject"] == {"kind": "forms", "forms": {"exemplars": LENT}}
    lessons = await shown({"name": "b", "lessons": True})
    assert (lessons["examples"], lessons["lines"], lessons["lessons"]) == ("", ["Lesson: one"], ["l1"])
    assert lessons["subject"] == {"kind": "forms", "forms": {"lessons": TAUGHT}}
    both = await shown({"name": "c", "exemplars": "nearest", "lessons": True})
    assert (both["examples"], both["lines"]) == ("the nearest", ["Lesson: one"])
    assert both["subject"] == {"kind": "forms", "forms": {"exemplars": LENT, "lessons": TAUGHT}}


async def test_a_placebo_shows_other_exemplars_and_is_never_adopted() -> None:
    placebo = await shown({"name": "d", "exemplars": "shuffled"})
    assert (placebo["examples"], placebo["exemplars"], placebo["subject"]) == ("of no use", ["p1", "p2"], None)
    assert (await shown({"name": "e", "exemplars": "shuffled", "lessons": True}))["subject"] is None


def source(origin: dict[str, Any]) -> dict[str, Any]:
    return {name: origin[name] for name in ("run_id", "run")}


async def test_a_guideline_is_shown_for_each_tool_on_offer_that_has_one() -> None:
    given = await shown({"name": "a", "guideline": True})
    assert given["guidelines"] == [
        {"tool": "look", "text": "Look at one place."},
        {"tool": "fly", "text": "Fly to towns, never to villages."},
    ]
    assert (given["tools"], given["calls"]) == (TOOLS, [])
    assert given["subject"] == {"kind": "forms", "forms": {"guideline": source(WRITTEN)}}


async def test_a_placebo_of_guidelines_gives_each_tool_the_text_of_another_and_is_never_adopted() -> None:
    given = await shown({"name": "a", "guideline": "shuffled", "exemplars": "nearest"})
    assert {each["tool"]: each["text"] for each in given["guidelines"]} == {
        "look": "Fly to towns, never to villages.",
        "fly": "Look at one place.",
    }
    assert given["subject"] is None


async def test_tools_are_offered_with_the_descriptions_that_were_kept() -> None:
    given = await shown({"name": "a", "descriptions": True, "exemplars": "nearest"})
    assert [tool["description"] for tool in given["tools"]] == ["To look.", "To walk.", "To fly to a town."]
    assert given["subject"]["forms"] == {"exemplars": LENT, "descriptions": source(REWRITTEN)}


async def test_a_form_that_has_nothing_to_show_for_any_tool_has_nothing_to_adopt() -> None:
    empty = [{**each, "text": ""} for each in LOOKED_UP["guidelines"]]
    assert (await shown({"name": "a", "guideline": True}, guidelines=empty))["subject"] is None
    unkept = [{**each, "kept": False} for each in LOOKED_UP["descriptions"]]
    assert (await shown({"name": "a", "descriptions": True}, descriptions=unkept))["subject"] is None


async def test_what_was_written_about_an_older_definition_of_a_tool_is_not_shown() -> None:
    older = [{**each, "fingerprint": "older"} for each in LOOKED_UP["guidelines"]]
    assert (await shown({"name": "a", "guideline": True}, guidelines=older))["guidelines"] == []


async def test_a_form_takes_no_more_room_than_there_is_and_the_nearest_come_first() -> None:
    calls = [{"query": f"q{number}", "action": "look", "arguments": {}} for number in range(3)]
    looked_up = {"calls": calls, "ids": ["e0", "e1", "e2"]}
    given = await shown({"name": "a", "exemplars": "nearest"}, room=8, **looked_up)
    assert (given["calls"], given["exemplars"], given["shown_tokens"]) == (calls[1:], ["e1", "e2"], 8)
    assert (await shown({"name": "a", "exemplars": "nearest"}, room=3, **looked_up))["calls"] == []
    given = await shown({"name": "b", "guideline": True}, room=11)
    assert [each["tool"] for each in given["guidelines"]] == ["fly"]  # the tool of the nearest exemplar
    lessons = {"lines": ["Lesson: one", "Lesson: two"], "lesson_ids": ["l1", "l2"]}
    given = await shown({"name": "c", "lessons": True}, room=5, **lessons)
    assert (given["lines"], given["lessons"], given["shown_tokens"]) == (["Lesson: one"], ["l1"], 4)


async def test_rewritten_descriptions_count_by_what_they_add() -> None:
    given = await shown({"name": "a", "descriptions": True})
    assert 0 < given["shown_tokens"] <= 5


@pytest.mark.parametrize("form", ["guideline", "descriptions"])
async def test_an_arm_whose_form_no_run_wrote_or_another_split_is_refused(form: str) -> None:
    data = "guidelines" if form == "guideline" else form
    arm = {"name": "a", form: True}
    with pytest.raises(ValueError, match=rf"the arm 'a' shows {data}, but there are none: .* `data\.{data}\.run`"):
        await shown(arm, **{data: []})
    await shown(arm, tool={"run_id": "1"})
    with pytest.raises(ValueError, match=f"the {data} of runs/.* might show what is tested"):
        await shown(arm, tool={"run_id": "7"})


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"name": "a", "exemplar": "nearest"}, r"invalid arm 'a' \(exemplar: Extra inputs are not permitted\)"),
        ({"exemplars": "nearest"}, r"name: Field required"),
        ({"name": "a", "exemplars": "all"}, r"exemplars: Input should be 'nearest' or 'shuffled'"),
    ],
)
async def test_an_invalid_arm_is_refused_with_its_legal_settings(arm: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"{said}.*`exemplars: nearest` or `exemplars: shuffled`, `lessons: true`"):
        await shown(arm)


@pytest.mark.parametrize(
    ("arm", "missing"),
    [
        ({"exemplars": "nearest"}, "exemplar_origin"),
        ({"exemplars": "shuffled"}, "exemplar_origin"),
        ({"lessons": True}, "lesson_origin"),
    ],
)
async def test_an_arm_that_shows_what_no_memory_gives_is_refused_rather_than_a_second_baseline(
    arm: dict[str, Any], missing: str
) -> None:
    with pytest.raises(ValueError, match=r"the arm 'a' shows .*, but no memory provides any.* from `params\.arms`"):
        await shown({"name": "a", **arm}, **{missing: None})


@pytest.mark.parametrize(
    ("arm", "source"),
    [
        ({"exemplars": "nearest"}, "exemplar_origin"),
        ({"exemplars": "shuffled"}, "exemplar_origin"),
        ({"lessons": True}, "lesson_origin"),
    ],
)
async def test_what_might_show_the_requests_that_are_tested_is_refused(arm: dict[str, Any], source: str) -> None:
    asked = {"name": "a", **arm}
    for kept_apart in ({"run_id": "7"}, {"run_id": "8", "without": "7"}):
        await shown(asked, tool={"run_id": "7"}, **{source: {"run": "r", **kept_apart}})
    await shown(asked, tool={"run_id": None}, **{source: {"run": "r", "run_id": "8"}})
    for other in ({"run_id": "8"}, {"run_id": "8", "without": "9"}):
        with pytest.raises(ValueError, match="of r might show what is tested: set `without` of their memory to"):
            await shown(asked, tool={"run_id": "7"}, **{source: {"run": "r", **other}})
