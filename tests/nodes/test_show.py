from typing import Any

import pytest

from ste_graph.nodes.show import Show

LENT, TAUGHT = {"run_id": "1", "run": "runs/distil"}, {"run_id": "2", "run": "runs/explore"}
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
}


async def shown(arm: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return (await Show()(Show.Inputs(arm=arm, **{**LOOKED_UP, **changes}), None)).model_dump()


async def test_the_baseline_shows_nothing_and_has_nothing_to_adopt() -> None:
    nothing = {"examples": "", "calls": [], "lines": [], "exemplars": [], "lessons": [], "subject": None}
    assert await shown({"name": "baseline"}) == nothing
    without = dict.fromkeys(LOOKED_UP)
    assert await shown({"name": "baseline"}, **without) == nothing


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
