"""The nodes of distil.yaml, called bare."""

from typing import Any

import pytest

from ste_graph.contracts import Entry, Neighbour
from ste_graph.nodes.filter import Filter
from ste_graph.nodes.judge import Judge
from ste_graph.nodes.negatives import MissingArgument
from ste_graph.nodes.paraphrase import Paraphrase
from ste_graph.nodes.recheck import Recheck
from ste_graph.nodes.split import Split
from ste_graph.prompts.prompt import Prompt

PROMPT = Prompt("Say it.")
TOOL = {
    "name": "look",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["city"],
    },
}
YES = '{"informative": true, "faithful": true, "appropriate": true, "why": ""}'
NO = '{"informative": false, "faithful": true, "appropriate": true, "why": "it tells nothing"}'


def step(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"action": "look", "arguments": arguments, "observation": {"ok": True, "kind": "ok", "text": "sunny"}}


def trial(query: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": query, "trial_id": query, "query": query, "steps": [step(arguments)], "answer": "Sunny.", **more}


class Recalled:
    """A memory in which two texts are as alike as they share words."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.held = [Entry(id=str(n), scope=(), text=item["query"], record=item) for n, item in enumerate(records)]

    async def entries(self) -> list[Entry]:
        return self.held

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        def alike(other: str) -> float:
            item, two = set(text.lower().split()), set(other.lower().split())
            return len(item & two) / len(item | two)

        found = [Neighbour(similarity=alike(entry.text), entry=entry) for entry in self.held]
        return sorted(found, key=lambda near: -near.similarity)[:k]


async def test_the_filter_coerces_what_the_tool_coerced_and_lists_the_values_that_the_request_states() -> None:
    inputs = Filter.Inputs(trial=trial("Look at Oslo, 3 times", {"city": "Oslo", "n": "3"}), tool=TOOL)
    gives = await Filter()(inputs, None)
    assert (gives.passed, gives.stated_values, gives.gates) == (
        True,
        ["city", "n"],
        ["format", "execution", "grounding"],
    )
    assert gives.steps[0]["arguments"] == {"city": "Oslo", "n": 3}


async def test_the_filter_stops_at_the_first_gate_that_is_not_passed_and_says_why() -> None:
    gives = await Filter()(Filter.Inputs(trial=trial("Look at Oslo", {"city": "Rome"}), tool=TOOL), None)
    assert (gives.passed, gives.gate, gives.gates) == (False, "grounding", ["format", "execution"])
    assert gives.reason == 'neither the request nor an earlier result gives `city`: "Rome"'


async def test_votes_add_up_to_a_majority(context, model) -> None:
    judge, votes = Judge(model=model, prompt=PROMPT), None
    for reply, passed in ((YES, True), (NO, False), ("Hm.", False), (YES, False), (YES, True)):
        gives = await judge(Judge.Inputs(votes=votes), context(reply))
        assert gives.passed is passed
        votes = gives.votes
    assert (gives.yes, gives.no) == (3, 1)
    assert (gives.gate, gives.reason) == (None, None)


async def test_the_split_rejects_duplicates_and_keeps_requests_that_belong_together_on_one_side() -> None:
    queries = [("look at oslo", "Oslo"), ("Look at Oslo!", "Oslo"), ("is it sunny in oslo", "Oslo"),
               ("rome please", "Rome"), ("what of bern", "Bern"), ("how about york", "York")]  # fmt: skip
    records = [trial(query, {"city": city}, stated_values=["city"]) for query, city in queries]
    gives = await Split(memory=Recalled(*records), heldout=0.4, examples=11)(Split.Inputs(tool=TOOL), None)
    assert [(item["query"], item["gate"], item["reason"]) for item in gives.rejected] == [
        ("Look at Oslo!", "duplicate", "asks the same as trial look at oslo")
    ]
    sides = {item["query"]: item["split"] for item in gives.selected}
    assert sides["look at oslo"] == sides["is it sunny in oslo"]
    assert (gives.train, gives.heldout) == (3, 2)
    assert sum(len(item["wordings"]) for item in gives.selected) == 6
    assert {len(item["wordings"]) for item in gives.selected if item["split"] == "heldout"} == {0}
    assert {item["missing"] for item in gives.selected} == {"city"}


async def test_a_paraphrase_keeps_the_example_and_remembers_the_old_words(context, model) -> None:
    source = trial("Look at Oslo", {"city": "Oslo"}, split="train")
    inputs, ctx = Paraphrase.Inputs(source=source), context('"Oslo, please!"')
    gives = await Paraphrase(model=model, prompt=PROMPT)(inputs, ctx)
    assert gives.reworded == {**source, "query": "Oslo, please!", "paraphrase_of": "Look at Oslo"}


@pytest.mark.parametrize(
    ("query", "gate"),
    [("Oslo it is, have a look", None), ("have a look at rome", "grounding"), ("look at OSLO", "duplicate"),
     ("oslo 12 have a look", "grounding"), ("what of oslo in bern today", "leak")],
)  # fmt: skip
async def test_a_rewording_must_ask_for_the_same_be_new_and_keep_its_side(query: str, gate: str | None) -> None:
    held = trial("what of oslo in bern today", {"city": "Bern"}, split="heldout", kind="call")
    old = trial("look at oslo", {"city": "Oslo"}, split="train", kind="call", stated_values=["city"])
    reworded = {**old, "query": query, "paraphrase_of": old["query"]}
    gives = await Recheck(memory=Recalled(old, held))(Recheck.Inputs(reworded=reworded, tool=TOOL), None)
    assert (gives.passed, gives.gate) == (gate is None, gate)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [("have 3 looks", None), ("have a look", "it leaves out `n` too"), ("3 looks at oslo", "it still says `city`")],
)
async def test_one_value_is_missing_and_only_that_one(reply: str, reason: str | None, context, model) -> None:
    original = trial(
        "3 looks at oslo", {"city": "Oslo", "n": 3}, split="train", stated_values=["city", "n"], missing="city"
    )
    inputs, ctx = MissingArgument.Inputs(original=original, tool=TOOL), context(reply)
    gives = await MissingArgument(model=model, prompt=PROMPT, memory=Recalled())(inputs, ctx)
    assert (gives.passed, gives.reason) == (reason is None, reason)
    assert gives.answer == "I need one more thing for this: what is the city?"
