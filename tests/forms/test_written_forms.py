"""Guidelines and descriptions from a distilled run to the arms of a test: guideline.yaml, describe.yaml, icl.yaml."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.distil.reading.normalisation import contains_words
from ste_graph.finished import open_run
from ste_graph.forms.description import apply_wording, read_tool_wording
from ste_graph.forms.reading import read_descriptions, read_guidelines
from ste_graph.inputs.forms import RunGuidelines
from ste_graph.inputs.training_side import TrainingSide
from ste_graph.scoring.reply import CaseReply
from ste_graph.training.rows.examples import read_examples

TOOLS = ["add_days", "to_roman", "make_password", "convert_time"]
ARMS = ["baseline", "guideline", "shuffled guideline", "descriptions", "exemplars+guideline"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs `explored`, `distilled`, `guideline` and `describe`."""
    folder = tmp_path_factory.mktemp("forms")
    exploring = {"params.episodes": 3, "params.trials": 5, "tools.0.include": TOOLS}
    ste.load("quickstart", set=exploring).run(folder / "explored")
    few = {"data.explored.run": str(folder / "explored"), "params.paraphrases": 0, "nodes.split.heldout": 0.3}
    ste.load("distil", variant="simulated", set=few).run(folder / "distilled")
    source = {"data.training.run": str(folder / "distilled"), "data.training.explored": str(folder / "explored")}
    ste.load("guideline", variant="simulated", set=source).run(folder / "guideline")
    wrong = {**source, "models.learner.mistakes": 1.0}
    ste.load("describe", variant="simulated", set=wrong).run(folder / "describe")
    return folder


@pytest.fixture(scope="module")
def tested(runs: Path) -> dict[str, list[CaseReply]]:
    """The replies by arm, of a model that gets every call wrong of which nothing warns it."""
    arms = [
        {"name": "baseline"},
        {"name": "guideline", "guideline": True},
        {"name": "shuffled guideline", "guideline": "shuffled"},
        {"name": "descriptions", "descriptions": True},
        {"name": "exemplars+guideline", "exemplars": "nearest", "guideline": True},
    ]
    places = {
        "data.test.run": "distilled",
        "memory.exemplars.from": "distilled",
        "memory.experience.from": "explored",
        "memory.experience.without": "distilled",
        "data.guidelines.run": "guideline",
        "data.descriptions.run": "describe",
    }
    changes = {name: str(runs / place) for name, place in places.items()}
    changes |= {"params.arms": arms, "params.room": 150, "models.learner.mistakes": 1.0}  # type: ignore[dict-item]
    assert ste.load("icl", variant="simulated", set=changes).run(runs / "icl").complete
    found: dict[str, list[CaseReply]] = defaultdict(list)
    for line in open_run(runs / "icl").records():
        found[line["arm"]].append(CaseReply.from_line(line))
    return found


def training_side(runs: Path, **settings: Any) -> list[dict[str, Any]]:
    source = {"run": str(runs / "distilled"), "explored": str(runs / "explored")}
    return TrainingSide(**source, **settings).items()


def test_what_is_held_out_or_set_aside_is_in_no_trial_that_is_shown(runs: Path) -> None:
    held_out = {example.query for example in read_examples(runs / "distilled") if example.split == "heldout"}
    tools = training_side(runs, validation=0.3)
    assert {tool["name"] for tool in tools} == {*TOOLS}
    assert any(tool["validation"] for tool in tools)
    assert any(tool["failures"] for tool in tools)
    for tool in tools:
        shown = {trial["query"] for trial in [*tool["trials"], *tool["failures"]]}
        aside = {case["query"] for case in tool["validation"]}
        assert tool["trials"]
        assert shown.isdisjoint(held_out | aside)
        assert aside.isdisjoint(held_out)
        gold = [case["gold"]["arguments"] for case in tool["validation"]]
        assert all(step["arguments"] not in gold for trial in tool["failures"] for step in trial["steps"])
        said = json.dumps([tool["trials"], tool["failures"]])
        assert not any(contains_words(said, str(value)) for value in tool["held_out"])


def test_every_sentence_of_a_guideline_rests_on_trials_of_the_training_side(runs: Path) -> None:
    guidelines = read_guidelines(open_run(runs / "guideline"))
    assert {each.tool for each in guidelines} == {*TOOLS}
    known = {tool["name"]: {t["id"] for t in [*tool["trials"], *tool["failures"]]} for tool in training_side(runs)}
    assert any(each.sentences for each in guidelines)
    for each in guidelines:
        assert each.simulated
        assert each.source_id == open_run(runs / "distilled").id
        assert each.tokens <= 120
        assert each.text == " ".join(sentence.text for sentence in each.sentences or ())
        for sentence in each.sentences or ():
            assert sentence.trials
            assert {*sentence.trials} <= known[each.tool]


def test_descriptions_are_kept_only_where_more_requests_are_served_and_change_nothing_else(runs: Path) -> None:
    found = {each.tool: each for each in read_descriptions(open_run(runs / "describe"))}
    assert {*found} == {*TOOLS}
    assert any(each.kept for each in found.values())
    for tool in training_side(runs):
        each, now = found[tool["name"]], read_tool_wording(tool)
        assert each.previous == now
        if each.kept:
            assert each.validation is not None
            assert each.validation.after > each.validation.before
            changed = apply_wording(tool, now.model_copy(update={"parameters": each.parameters}))
            assert changed["parameters"].keys() == tool["parameters"].keys()
        else:
            assert (each.description, each.parameters) == (now.description, now.parameters)


def test_each_arm_shows_its_form_within_the_room_and_what_is_shown_matters(tested: dict[str, list[CaseReply]]) -> None:
    assert {*tested} == {*ARMS}
    right = {arm: sum(reply.is_correct is True for reply in own) / len(own) for arm, own in tested.items()}
    assert right["baseline"] == 0
    assert right["guideline"] > right["shuffled guideline"]
    assert right["descriptions"] > 0
    assert right["exemplars+guideline"] > 0.8
    shown = {arm: max(reply.shown_tokens for reply in own) for arm, own in tested.items()}
    assert shown["baseline"] == 0
    assert 0 < shown["guideline"] <= 150
    assert 0 < shown["shuffled guideline"] <= 150
    assert 0 < shown["exemplars+guideline"] <= 300


def test_an_arm_names_the_run_that_wrote_its_form(runs: Path, tested: dict[str, list[CaseReply]]) -> None:
    def forms(arm: str) -> dict[str, str]:
        subject = tested[arm][0].subject
        return {} if subject is None else {form: source.run_id for form, source in subject.forms.items()}  # type: ignore[union-attr]

    ids = {name: open_run(runs / name).id for name in ("distilled", "guideline", "describe")}
    assert forms("baseline") == forms("shuffled guideline") == {}
    assert forms("guideline") == {"guideline": ids["guideline"]}
    assert forms("descriptions") == {"descriptions": ids["describe"]}
    assert forms("exemplars+guideline") == {"exemplars": ids["distilled"], "guideline": ids["guideline"]}


def test_the_same_trials_give_the_same_guideline_again(runs: Path, tmp_path: Path) -> None:
    source = {"data.training.run": str(runs / "distilled"), "data.training.explored": str(runs / "explored")}
    ste.load("guideline", variant="simulated", set=source).run(tmp_path / "again")
    texts = [
        {each.tool: each.text for each in read_guidelines(open_run(run))}
        for run in (runs / "guideline", tmp_path / "again")
    ]
    assert texts[0] == texts[1]


def test_a_search_by_gepa_that_is_stopped_goes_on_and_comes_to_the_same_descriptions(
    runs: Path, tmp_path: Path
) -> None:
    source = {"data.training.run": str(runs / "distilled"), "data.training.explored": str(runs / "explored")}
    gepa: dict[str, Any] = {**source, "models.main": {"use": "simulated"}, "models.learner.mistakes": 0.8}
    gepa["data.training.include"] = TOOLS[:2]

    def describe(out: str, **changes: Any) -> Any:
        return ste.load("describe", variant="gepa", set={**gepa, **changes}).run(tmp_path / out, concurrency=1)

    whole = describe("whole")
    for calls in (7, 20):
        assert describe("parts", **{"budget.model_calls": calls}).stopped_by == "budget"
    assert describe("parts", **{"budget.model_calls": 1000}).used.model_calls == whole.used.model_calls
    found, again = ([*open_run(tmp_path / out).records()] for out in ("whole", "parts"))
    names = ("record", "tool", "arm", "query", "output", "description", "parameters", "kept", "reason", "refused")
    assert [[line.get(name) for name in names] for line in found] == [
        [line.get(name) for name in names] for line in again
    ]
    described = read_descriptions(open_run(tmp_path / "whole"))
    assert any(each.kept for each in described)
    assert whole.used.model_calls <= 44 * len(described)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"include": ["to_greek"]}, "has no training side for to_greek; it has one for: `add_days`"),
        ({"run": "explored"}, "is a run that explored; distil it first"),
    ],
)
def test_a_training_side_that_is_not_there_is_refused(runs: Path, settings: dict[str, Any], said: str) -> None:
    source = {"run": "distilled", **settings}
    with pytest.raises(ste.WorkflowError, match=said):
        TrainingSide(**{**source, "run": str(runs / source["run"])}).items()


def test_a_run_that_wrote_no_guideline_is_refused_and_none_is_nothing(runs: Path) -> None:
    assert RunGuidelines().items() == []
    with pytest.raises(ste.WorkflowError, match=r"describe: has no guideline; expected a run of guideline\.yaml"):
        RunGuidelines(run=str(runs / "describe")).items()
    guidelines = RunGuidelines(run=str(runs / "guideline")).items()
    assert {each["origin"]["without"] for each in guidelines} == {open_run(runs / "distilled").id}
