"""Clusters, the split by clusters, and the check that nothing stands on both sides of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ste_graph.distil.clusters import assign_clusters, separation_keys
from ste_graph.distil.example import Example
from ste_graph.distil.reading.wording import count_wordings, read_wording
from ste_graph.distil.split import SplitFields, assign_sides, find_split_leaks, split_candidates, training_mask
from ste_graph.training.rows.held_out import HeldOut

ITEMS = st.lists(st.sets(st.sampled_from("abcdefghij"), max_size=3), min_size=1, max_size=30)


def example(query: str, arguments: dict[str, Any], split: str, cluster: int = 0, **changes: Any) -> Example:
    seen = {"ok": True, "kind": "ok", "text": "fine"}
    step = {"thought": None, "action": "look", "arguments": arguments, "observation": seen}
    given = {
        "query": query, "steps": [step], "answer": "Fine.", "split": split, "cluster": cluster, "trial_id": query,
        "definition": {"name": "look"}, "run": "r", "run_id": "1", "model": "m", "gates": [], **changes,
    }  # fmt: skip
    return Example.model_validate(given)


@given(ITEMS, st.floats(0, 0.9), st.integers(0, 99))
def test_no_key_stands_on_both_sides_and_the_held_out_share_is_kept(
    keys: list[set[str]], share: float, seed: int
) -> None:
    groups = assign_clusters(keys, [])
    sides = assign_sides(groups, share, seed)
    held = [own for own, group in zip(keys, groups, strict=True) if sides[group] == "heldout"]
    train = [own for own, group in zip(keys, groups, strict=True) if sides[group] == "train"]
    assert not set().union(*held) & set().union(*train)
    assert train
    assert bool(held) == (share > 0 and len(set(groups)) > 1)
    smallest = min(groups.count(group) for group in groups)
    assert len(held) <= max(1, round(share * len(keys)), smallest if held else 0)
    assert sides == assign_sides(groups, share, seed)


def test_items_belong_together_by_way_of_others() -> None:
    assert assign_clusters([{"a"}, {"b"}, {"a", "c"}, set(), {"d"}], [(3, 4)]) == [0, 1, 0, 2, 2]


def test_calls_share_their_arguments_or_with_apart_value_any_freely_chosen_one() -> None:
    schema = {"properties": {"unit": {"enum": ["km", "m"]}, "zone": {"default": "UTC"}}}
    arguments = {"n": 2.0, "unit": "km", "zone": "UTC", "exact": True, "to": {"city": "Oslo"}}
    assert separation_keys({}, schema, "value") == set()
    assert separation_keys({"b": 1, "a": 2.0}, schema, "combination") == separation_keys(
        {"a": 2, "b": 1}, schema, "combination"
    )
    assert separation_keys(arguments, schema, "value") - separation_keys(arguments, schema, "combination") == {
        "2",
        '"Oslo"',
    }


def test_a_default_that_a_call_leaves_out_is_the_same_call() -> None:
    schema = {"properties": {"length": {"type": "integer"}, "symbols": {"type": "boolean", "default": False}}}
    short, long = {"length": 16}, {"length": 16, "symbols": False}
    assert separation_keys(short, schema, "combination") == separation_keys(long, schema, "combination")
    definition = {"name": "look", "parameters": schema}
    train = example("Sixteen, please.", short, "train", definition=definition)
    assert find_split_leaks([train, example("A password of 16.", long, "heldout", 1, definition=definition)]) == [
        'look: the arguments {"length": 16, "symbols": false}'
    ]


LENGTH = {"properties": {"length": {"type": "integer"}, "seed": {"type": "integer", "default": 0}}}
REQUESTS = [
    ("A password of 16 characters, please.", {"length": 16}),
    ("A password of twenty characters, please!", {"length": 20}),
    ("a password of 31 characters please", {"length": 31}),
    ("Make one that is 16 long, with seed 9.", {"length": 16, "seed": 9}),
    ("Make one that is 12 long, with seed 3.", {"length": 12, "seed": 3}),
]


def records() -> list[dict[str, Any]]:
    """Candidates of five requests in two wordings."""
    return [
        {"query": query, "trial_id": query, "steps": [{"arguments": call}], "stated_values": []}
        for query, call in REQUESTS
    ]


def test_a_wording_is_a_request_without_its_values() -> None:
    found = [read_wording(query, call, LENGTH) for query, call in REQUESTS]
    assert found[0] == found[1] == found[2] == "a password of 0 characters please"
    assert found[3] == found[4] == "make one that is 0 long with seed 0"


def test_a_split_by_wording_has_no_wording_on_both_sides() -> None:
    far: list[list[tuple[int, float]]] = [[] for _ in REQUESTS]
    sides = {}
    for apart in ("combination", "wording"):
        made = split_candidates(records(), far, LENGTH, SplitFields(heldout=0.4, apart=apart, examples=5))
        sides[apart] = [record["split"] for record in made.selected]
        assert made.heldout == 2
    assert sides["wording"] == ["train", "train", "train", "heldout", "heldout"]
    assert sides["combination"] != sides["wording"]


def test_held_out_requests_that_differ_in_their_values_alone_are_counted_and_leaks_of_a_split_by_wording() -> None:
    definition = {"name": "look", "parameters": LENGTH}
    train = example(*REQUESTS[0], "train", definition=definition)
    held = [example(*REQUESTS[n], "heldout", n, definition=definition) for n in (1, 3)]
    count = count_wordings([train, *held])
    assert count == (2, 1)
    assert "1 differ from one to learn from in their values alone" in count.text
    assert find_split_leaks([train, *held]) == []
    assert find_split_leaks([train, *held], "wording") == ["look: the wording a password of 0 characters please"]
    assert HeldOut(held, "wording").is_revealed_by(
        "2", "t", "A password of 8 characters please", [("look", {"length": 8})]
    )
    assert not HeldOut(held).is_revealed_by("2", "t", "A password of 8 characters please", [("look", {"length": 8})])


def test_every_kind_of_leak_is_named() -> None:
    train = example("Look at Oslo!", {"city": "Oslo", "n": 1}, "train", trial_id="a")
    assert find_split_leaks([train, example("See Rome.", {"city": "Rome"}, "heldout", 1)]) == []
    held = example("look at oslo", {"n": 1, "city": "Oslo"}, "heldout", trial_id="a")
    assert find_split_leaks([train, held]) == [
        "look: cluster 0",
        "look: the request look at oslo",
        "look: the trial a",
        'look: the arguments {"city": "Oslo", "n": 1}',
    ]
    other = example("See it.", {"city": "Oslo"}, "heldout", 1)
    assert find_split_leaks([train, other]) == []
    assert find_split_leaks([train, other], "value") == ['look: the value "Oslo"']


def test_what_is_held_out_for_one_tool_is_not_learnt_for_another() -> None:
    test = example("What now?", {}, "heldout")
    same = example("what now", {}, "train", 1, definition={"name": "other"})
    assert training_mask([test, same, example("And then?", {}, "train", 1)]) == [True, False, True]
