"""The search for better descriptions, node by node: what is tested, proposed, told and kept."""

from typing import Any

import pytest

from ste_graph.contracts import Entry, Reply
from ste_graph.forms.search import Proposal, SearchState
from ste_graph.nodes.describe import Describe, DescribeArm, DescribeKeep
from ste_graph.nodes.evidence import Evidence
from ste_graph.prompts.prompt import Prompt
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.label import label_output
from ste_graph.scoring.rules import LabelRules

PROMPT = Prompt("Say it.")
GOLD = {"tool": "fly", "arguments": {}}
TOOL: dict[str, Any] = {
    "name": "fly",
    "description": "Flights.",
    "fingerprint": "f",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "seats": {"type": "integer"}}},
    "run": "runs/distil",
    "run_id": "d1",
    "trials": [],
    "failures": [],
    "cases": [{"query": f"t{n}", "gold": GOLD} for n in range(3)],
    "validation": [{"query": f"q{n}", "gold": GOLD} for n in range(4)],
    "held_out": ["Bergen"],
    "pool": [{"name": name, "description": f"To {name}."} for name in ("fly", "walk", "swim")],
}
PROPOSAL = {"description": "Book a flight.", "parameters": {}}
PROPOSED = SearchState(seed=1, proposals=(Proposal(**PROPOSAL),))


class RoundReplies:
    """A memory of replies: how many of how many are right, by arm; `t_before` are those to cases of trials."""

    def __init__(self, **right: tuple[int, int]) -> None:
        self.lines = [
            {"id": f"{arm}{n}", "record": "reply", "arm": arm.removeprefix("t_").replace("_", " "),
             "query": f"{'t' if arm.startswith('t_') else 'q'}{n}", "output": "", "gold": GOLD, **label(n < count)}
            for arm, (count, of) in right.items()
            for n in range(of)
        ]  # fmt: skip

    async def entries(self) -> list[Entry]:
        return [Entry(id=line["id"], scope=(), text=line["query"], record=line) for line in self.lines]

    async def nearest(self, text: str, k: int = 1) -> list[Any]:
        raise AssertionError("nothing is searched here")


def label(right: bool) -> dict[str, Any]:
    return called("fly") if right else called(None)


def called(name: str | None) -> dict[str, Any]:
    """The label of a reply that calls a tool, or none."""
    reply = "I cannot." if name is None else f'{{"action": "{name}", "arguments": {{}}}}'
    found = label_output(GoldCall(tool="fly", arguments={}), reply, ["fly", "walk", "swim"], LabelRules())
    return found.model_dump(mode="json")


async def keep(memory: RoundReplies, context: Any, search: Any = "own", **inputs: Any) -> DescribeKeep.Outputs:
    asked = context()
    return await DescribeKeep(memory=memory, search=search)(DescribeKeep.Inputs(**{"tool": TOOL, **inputs}), asked)


async def test_the_descriptions_as_they_are_are_tested_first_batch_by_batch(context: Any) -> None:
    given = await keep(RoundReplies(), context, batch=3)
    assert (given.done, given.propose, given.tested) == (False, False, "before")
    assert [case["query"] for case in given.cases] == ["q0", "q1", "q2"]
    given = await keep(RoundReplies(before=(1, 3)), context, batch=3, state=given.state)
    assert [case["query"] for case in given.cases] == ["q3"]
    given = await keep(RoundReplies(before=(1, 4)), context, batch=3, state=given.state)
    assert (given.propose, [case["query"] for case in given.cases]) == (True, ["q0", "q1", "q2"])
    assert [case["query"] for case in (await keep(RoundReplies(), context, cases=2)).cases] == ["q0", "q1"]


@pytest.mark.parametrize(
    ("right", "kept", "validation"),
    [((3, 4), True, (4, 2, 3)), ((2, 4), False, (4, 2, 2)), ((1, 4), False, (4, 2, 1))],
)
async def test_a_proposal_is_kept_only_if_more_requests_are_served_rightly(
    context: Any, right: tuple[int, int], kept: bool, validation: tuple[int, int, int]
) -> None:
    replies = RoundReplies(before=(2, 4), proposal_1=right)
    given = await keep(replies, context, proposal=PROPOSAL, state=SearchState(seed=1))
    assert given.state.proposals == PROPOSED.proposals
    assert (given.kept, given.done, given.description) == (kept, kept, "Book a flight." if kept else "Flights.")
    assert given.validation == dict(zip(("cases", "before", "after"), validation, strict=True))
    assert given.previous == {"description": "Flights.", "parameters": {}}
    assert [each["description"] for each in given.refused] == ([] if kept else ["Book a flight."])
    assert given.told == given.refused


async def test_a_proposal_whose_test_is_not_complete_is_neither_kept_nor_refused(context: Any) -> None:
    given = await keep(RoundReplies(before=(0, 4), proposal_1=(3, 3)), context, state=PROPOSED)
    assert (given.kept, given.refused, given.validation, given.tested) == (False, [], None, "proposal 1")
    assert [case["query"] for case in given.cases] == ["q3"]


@pytest.mark.parametrize("search", ["own", "gepa"])
@pytest.mark.parametrize(
    ("before", "reason"),
    [((0, 0), "no request was set aside"), ((4, 4), "all 4 requests that were set aside are served rightly")],
)
async def test_nothing_is_proposed_where_nothing_can_be_tested_or_gained(
    context: Any, search: str, before: tuple[int, int], reason: str
) -> None:
    tool = {**TOOL, "validation": TOOL["validation"][: before[1]]}
    given = await keep(RoundReplies(before=before), context, search, tool=tool)
    assert (given.kept, given.done, given.propose) == (False, True, False)
    assert given.reason.startswith(reason)


@pytest.mark.parametrize("search", ["own", "gepa"])
async def test_a_proposal_that_was_refused_is_told_to_the_next_and_counts_no_test(context: Any, search: str) -> None:
    replies = RoundReplies(before=(2, 4), t_before=(0, 3))
    given = await keep(replies, context, search, proposal=PROPOSAL, fault="it holds `x`", state=SearchState(seed=1))
    assert (given.kept, given.done, given.propose, given.validation) == (False, False, True, None)
    assert given.refused == given.told == [{"description": "Book a flight.", "reason": "it holds `x`"}]


async def test_the_tools_that_were_called_in_its_place_are_told_to_the_proposal(context: Any, model: Any) -> None:
    memory = RoundReplies(before=(1, 4))
    for line, name in zip(memory.lines[1:], ("walk", "swim", "walk"), strict=True):
        line |= called(name)
    given = await keep(memory, context)
    assert [other["name"] for other in given.confused] == ["walk", "swim"]
    assert (await keep(RoundReplies(before=(1, 4)), context)).confused == []
    asked = context(Reply(text="", data={"description": "Book a flight, unlike `walk`."}))
    trials = (await Evidence()(Evidence.Inputs(tool=TOOL), None)).trials
    inputs = Describe.Inputs(tool=TOOL, trials=trials, confused=given.confused)
    assert (await Describe(model=model, prompt=PROMPT)(inputs, asked)).fault is None


async def test_a_proposal_that_was_made_before_is_not_tested_again(context: Any, model: Any) -> None:
    asked = context(Reply(text="", data={"description": "book a flight", "parameters": {}}))
    inputs = Describe.Inputs(tool=TOOL, trials=[], state=PROPOSED)
    given = await Describe(model=model, prompt=PROMPT)(inputs, asked)
    assert given.fault == "it says the same as a proposal before it"


async def test_gepa_tells_which_requests_of_trials_were_served_wrongly_and_none_that_was_set_aside(
    context: Any,
) -> None:
    given = await keep(RoundReplies(before=(2, 4)), context, "gepa", batch=3)
    assert (given.propose, given.tested, {case["query"] for case in given.cases}) == (
        False,
        "before",
        {"t0", "t1", "t2"},
    )
    replies = RoundReplies(before=(2, 4), t_before=(1, 3))
    replies.lines[-1] |= called("walk")
    given = await keep(replies, context, "gepa", batch=3, state=given.state)
    assert given.propose
    assert {case["query"] for case in given.cases} == {"t0", "t1", "t2"}
    assert given.replies == [
        {"query": "t1", "called": "no call that can be read", "right": "{}"},
        {"query": "t2", "called": "walk {}", "right": "{}"},
    ]


async def test_gepa_goes_on_from_a_proposal_that_is_better_on_trials_and_on_what_was_set_aside(context: Any) -> None:
    state = (await keep(RoundReplies(before=(0, 4), t_before=(0, 3)), context, "gepa", batch=3)).state
    better = RoundReplies(before=(0, 4), t_before=(0, 3), t_proposal_1=(2, 3))
    given = await keep(better, context, "gepa", batch=3, proposal=PROPOSAL, state=state)
    assert (given.tested, [case["query"] for case in given.cases]) == ("proposal 1", ["q0", "q1", "q2"])
    both = RoundReplies(before=(0, 4), t_before=(0, 3), t_proposal_1=(2, 3), proposal_1=(3, 4))
    given = await keep(both, context, "gepa", batch=3, state=given.state)
    assert (given.kept, given.done, given.propose) == (True, False, True)
    assert given.base.description == given.description == "Book a flight."
    assert [reply["query"] for reply in given.replies] == ["t2"]
    assert given.reason == "3 of 4 requests set aside came out right, 0 before"


async def test_gepa_drops_a_proposal_that_is_no_better_on_trials_without_a_test_on_what_was_set_aside(
    context: Any,
) -> None:
    state = (await keep(RoundReplies(before=(0, 4), t_before=(1, 3)), context, "gepa", batch=3)).state
    same = RoundReplies(before=(0, 4), t_before=(1, 3), t_proposal_1=(1, 3))
    given = await keep(same, context, "gepa", batch=3, proposal=PROPOSAL, state=state)
    assert (given.kept, given.propose, given.base.description) == (False, True, "Flights.")
    reason = "1 of 3 requests of trials came out right, and 1 before"
    assert given.refused == [{"description": "Book a flight.", "reason": reason}]


async def test_the_arm_of_a_proposal_has_a_name_of_its_own_in_each_round() -> None:
    given = await DescribeArm()(DescribeArm.Inputs(tool=TOOL, proposal=PROPOSAL, state=PROPOSED), None)
    assert (given.name, given.arm) == ("proposal 2", {"name": "proposal 2", "descriptions": True})
    (described,) = given.descriptions
    assert (described["tool"], described["kept"], described["origin"]["without"]) == ("fly", True, "d1")
    again = await DescribeArm()(DescribeArm.Inputs(tool=TOOL, state=PROPOSED, tested="proposal 1"), None)
    assert (again.name, again.descriptions[0]["description"]) == ("proposal 1", "Book a flight.")
    plain = await DescribeArm()(DescribeArm.Inputs(tool=TOOL, state=PROPOSED), None)
    assert (plain.name, plain.descriptions) == ("before", [])
