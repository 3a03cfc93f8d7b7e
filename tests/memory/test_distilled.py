"""Exemplars from a run of distil.yaml: what is for training is shown, what is held out never."""

import json
import logging

import pytest

from ste_graph.contracts import Selection
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.held_out import find_held_out
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.experience.settings import Experience
from ste_graph.records import StepObservation, TrialStep
from tests.memory.run_folder import write_run


def step(action="add", arguments=None, *, ok=True, text="5"):
    seen = StepObservation(ok=ok, kind="ok" if ok else "invalid_arguments", text=text)
    return TrialStep(thought=None, action=action, arguments=arguments or {}, observation=seen)


def example(id, query, arguments, *, split="train", tool="add", gates=("format", "execution", "grounding"), **more):
    return {
        "id": id, "record": "example", "tool": tool, "kind": "call", "query": query, "answer": "5", "split": split,
        "steps": [step(tool, arguments).model_dump(mode="json")], "cluster": 0, "paraphrase_of": None,
        "definition": {"name": tool, "description": "", "parameters": {}}, "fingerprint": "f", "trial_id": f"t{id}",
        "run": "explored", "run_id": "r", "model": "simulated", "judge": None, "writer": None, "licence": None,
        "gates": list(gates), "started": "s", "ended": "2026-11-26T00:00:00Z", **more,
    }  # fmt: skip


LINES = (
    example("1", "Add 1 and 2.", {"a": 1, "b": 2}),
    example("2", "Add 3 and 4.", {"a": 3, "b": 4}, split="heldout"),
    example("3", "What are 1 and 2 together?", {"a": 1, "b": 2}, paraphrase_of="Add 1 and 2.", trial_id="t1"),
    example("4", "Add.", {}, kind="ask", steps=[], paraphrase_of="Add 1 and 2."),
    example("5", "Sum up 5 and 6.", {"a": 5, "b": 6}, gates=("execution", "grounding", "judge")),
    {"id": "6", "record": "candidate", "tool": "add", "query": "Add 3 and 4."},
)


@pytest.fixture
def distilled(tmp_path):
    return write_run(tmp_path / "distilled", journal=LINES)


def test_the_training_side_is_lent_without_paraphrases_and_nothing_that_is_held_out(distilled, word_hashes):
    with ExemplarStore.open(distilled, embedder=word_hashes) as store:
        found = {item.query: item for item in store.exemplars()}
        assert [item.exemplar.query for item in store.search("Add 3 and 4.", 9, gates=None)] == [
            "Add 1 and 2.", "Sum up 5 and 6.",
        ]  # fmt: skip
    assert {*found} == {"Add 1 and 2.", "Sum up 5 and 6."}
    item = found["Add 1 and 2."]
    assert (item.tool, item.arguments, item.fingerprint, item.trial_id) == ("add", {"a": 1, "b": 2}, "f", "t1")
    assert item.verified == ("format", "execution", "grounding")
    assert found["Sum up 5 and 6."].verified == ("format", "execution", "grounding", "judge")


def test_requests_in_other_words_come_only_when_they_are_asked_for(distilled, tmp_path, word_hashes):
    run = open_run(distilled)
    assert len(Exemplar.from_run(run)) == 2
    assert "What are 1 and 2 together?" in {item.query for item in Exemplar.from_run(run, reworded=True)}
    with ExemplarStore.open(tmp_path / "own", embedder=word_hashes, create=True) as store:
        assert store.import_run(distilled, reworded=True) == 3


def test_a_damaged_example_is_named_and_left_out(distilled, caplog):
    with (distilled / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps({**LINES[0], "split": "both"}) + "\n")
    with caplog.at_level(logging.WARNING):
        assert len(Exemplar.from_run(open_run(distilled))) == 2
    assert "journal.jsonl:7: this example is left out" in caplog.text


def test_a_memory_lends_the_training_side_and_says_of_which_run_it_is(distilled, tmp_path, word_hashes):
    memory = Experience(**{"from": str(distilled)}).open("exemplars", tmp_path / "run", word_hashes)
    assert memory._origin.model_dump() == {"run_id": open_run(distilled).id, "run": str(distilled), "without": None}
    memory._store.close()


TRIALS = {
    "the very trial": ("Add three and four, please.", [step(arguments={"a": 3, "b": 4})], "t2"),
    "the same request for another call": ("add 3 AND 4", [step(arguments={"a": 9, "b": 9})], "x1"),
    "the same request for another tool": ("Add 3 and 4.", [step("echo", {"text": "3"})], "x2"),
    "the same call in other words": ("Three plus four?", [step(arguments={"b": 4.0, "a": 3})], "x3"),
    "the same call on the way, though it failed": (
        "Add 7 to something.",
        [step(arguments={"a": 3, "b": 4}, ok=False), step(arguments={"a": 7, "b": 4})],
        "x4",
    ),
    "nothing of it": ("Add 8 and 9.", [step(arguments={"a": 8, "b": 9})], "x5"),
    "the same arguments for another tool": ("Say 3 and 4.", [step("echo", {"a": 3, "b": 4})], "x6"),
}
"""The common ground of a trial of the exploration and what is held out: request, calls, id."""


def test_whatever_says_something_of_what_is_held_out_is_known(distilled, exemplar):
    made = [
        exemplar(query, calls[-1].action, id=why, calls=calls, trial_id=id, run="r")
        for why, (query, calls, id) in TRIALS.items()
    ]
    assert {*TRIALS} - find_held_out(distilled, made) == {"nothing of it", "the same arguments for another tool"}


def test_a_trial_of_another_run_is_not_taken_for_the_one_that_is_held_out(distilled, exemplar):
    assert not find_held_out(distilled, [exemplar("Add 8 and 9.", "add", trial_id="t2", run="another")])


async def test_a_memory_lends_and_teaches_nothing_of_what_another_run_holds_out(
    distilled, open_store, exemplar, tmp_path, word_hashes
):
    failed = step(arguments={"a": "3", "b": 4}, ok=False, text="`a`: expected int")
    store = open_store()
    store.add(
        [
            exemplar("Three plus four?", "add", calls=[failed, step(arguments={"a": 3, "b": 4})]),
            exemplar("Add 8 and 9.", "add", calls=[step(arguments={"a": 8, "b": 9})]),
        ]
    )

    def opened(name, **more):
        source = {"from": str(tmp_path / "store"), **more}
        return Experience(**source).open("experience", tmp_path / name, word_hashes)

    everything, less = opened("one"), opened("two", without=str(distilled))
    request = "Add 3 and 4."
    assert len((await everything.select_exemplars(request, Selection(), tools=["add"])).exemplars) == 2
    assert [item["query"] for item in (await less.select_exemplars(request, Selection(), tools=["add"])).exemplars] == [
        "Add 8 and 9."
    ]
    assert len((await everything.select_lessons(request, tools=["add"], per_tool=3, k=3)).lines) == 1
    assert (await less.select_lessons(request, tools=["add"], per_tool=3, k=3)).lines == []
    await everything.close()
    await less.close()


def test_what_is_left_out_needs_a_run_that_holds_something_out(store, tmp_path, word_hashes):
    memory = Experience(**{"from": str(tmp_path / "store"), "without": str(tmp_path / "store")})
    with pytest.raises(WorkflowError, match=r"memory `m`: .*store: is not the folder of a run"):
        memory.open("m", tmp_path / "run", word_hashes)
    with pytest.raises(ValueError, match="`without` leaves something out of what `from` names; it needs a `from`"):
        Experience(without="x")


def test_a_test_is_never_shown_the_very_request_that_it_puts(store, exemplar):
    store.add([exemplar("RAIN, in Paris?", "units", id="twin"), exemplar("rain in paris", id="other twin")])
    asked = Selection(k=3, allow_same_request=False)
    nearest = [item.exemplar.query for item in store.search("rain in Paris", 99)]
    others = [query for query in nearest if "paris" not in query.lower()]
    assert len(others) == 5
    assert [item.exemplar.query for item in store.select("rain in Paris", asked)] == others[:3][::-1]
    for more in ({"paper": True}, {"per_tool": 2}, {"contrast": True}):
        found = store.select("rain in Paris", Selection(k=3, allow_same_request=False, **more))
        assert len(found) == 3
        assert not [item for item in found if "paris" in item.exemplar.query.lower()]
    assert store.select("rain in Paris", Selection(k=1))[0].similarity == 1.0
