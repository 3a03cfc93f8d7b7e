"""`data: {use: replies, runs: […]}`: the arms that can be compared, and the messages for those that cannot."""

from __future__ import annotations

import json
from collections import Counter

import pytest

import ste_graph as ste
from ste_graph.errors import WorkflowError
from ste_graph.inputs.replies import RunReplies
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.rules import LabelRules

from .conftest import OF_X, counts, row, rows


def refusal(*runs, **settings) -> str:
    with pytest.raises(WorkflowError) as error:
        RunReplies(runs=tuple(map(str, runs)), **settings).items()
    return str(error.value)


def test_replies_come_with_the_baseline_first_and_with_their_labels(made) -> None:
    run = made(rows("exemplars", counts(1), of=1, subject=OF_X), rows("baseline", counts(1), of=1))
    first, second = RunReplies(runs=(str(run),), candidate="exemplars").items()
    assert (first["arm"], first["role"], first["subject"]) == ("baseline", "baseline", None)
    assert (second["arm"], second["role"], second["subject"]) == ("exemplars", "candidate", OF_X)
    assert first == ArmReply.model_validate(first).model_dump(mode="json")
    assert (first["args_correct"], first["rules"]) == (True, LabelRules().digest("tool_A", ["tool_A"]))


def test_arms_of_one_name_in_two_runs_are_told_apart_by_their_runs(made) -> None:
    entry = made(rows("baseline", counts(1, 1)), rows("tuned", counts(2, 2)), name="one")
    two = made(rows("baseline", counts(2, 2)), rows("other", counts(2, 2)), name="two")
    source = RunReplies(runs=(str(entry), str(two)), baseline="one/baseline")
    assert list(dict.fromkeys(item["arm"] for item in source.items())) == [
        "one/baseline", "tuned", "two/baseline", "other",
    ]  # fmt: skip
    assert refusal(entry, two) == (
        f"{entry}, {two}: `baseline: baseline` is the name of several arms; "
        "the arms are: one/baseline, tuned, two/baseline, other"
    )
    assert refusal(entry, entry) == f"{entry}: is listed twice in `runs`"


def test_arms_that_did_not_reply_to_the_same_cases_are_named(made) -> None:
    run = made(rows("baseline", counts(1, 1)), rows("exemplars", counts(1, 1), of=3), rows("lessons", counts(1)))
    assert refusal(run) == (
        f"{run}: 2 problems; every arm needs as many replies to each of the same cases\n"
        "  arm `exemplars` lacks 2 of the 8 cases, such as tool_A: 'tool_A 3'\n"
        "  arm `lessons` lacks 4 of the 8 cases, such as tool_B: 'tool_B 0'"
    )
    kept = RunReplies(runs=(str(run),), partial=True).items()
    assert {(entry["arm"], entry["query"], entry["among"]) for entry in kept} == {
        (arm, f"tool_A {n}", 8) for arm in ("baseline", "exemplars", "lessons") for n in range(3)
    }


def test_cases_that_are_left_out_are_counted_in_the_table(made, evaluated) -> None:
    run = made(rows("baseline", counts(1, 1)), rows("exemplars", counts(1), of=3, subject=OF_X))
    found = evaluated(run, data__replies__partial=True)
    assert "left out: 5 of 8 cases, since not all arms replied to them" in found["table"]


def test_what_makes_a_comparison_meaningless_is_refused(made) -> None:
    other_gold = {"gold": {"tool": "a", "arguments": {"n": 9}}}
    run = made(
        [row("baseline", "a", 1, "x"), {**row("baseline", "a", 1, "y"), "id": "again"}, row("baseline", "a", 2, "x")],
        [row("new", "a", 1, "x", **other_gold), row("new", "a", 2, "x", subject=OF_X)],
    )
    assert refusal(run).splitlines()[1:] == [
        "  arm `baseline`, a: a second reply to 'a 1'",
        "  arm `new`: its replies name 2 different subjects; split it into arms",
        "  a: arms `baseline` and `new` have different gold calls for 'a 1'",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"baseline": "bsaeline"},
            "`baseline: bsaeline` is not an arm; did you mean `baseline`? the arms are: baseline, new",
        ),
        ({"candidate": "old"}, "`candidate: old` is not an arm; the arms are: baseline, new"),
        ({"candidate": "baseline"}, "`baseline` is the baseline, so it cannot be the candidate as well"),
        ({"include": ("new", "old")}, "has no arm old; the arms are: baseline, new"),
    ],
)
def test_an_arm_that_is_not_there_is_refused(settings, message, made) -> None:
    run = made(rows("baseline", counts(1)), rows("new", counts(1)))
    assert refusal(run, **settings) == f"{run}: {message}"


def test_only_the_arms_that_are_wanted_are_compared(made) -> None:
    run = made(rows("baseline", counts(1)), rows("new", counts(1)), rows("newer", counts(1), of=1))
    source = RunReplies(runs=(str(run),), include=("baseline", "new"))
    assert {entry["arm"] for entry in source.items()} == {"baseline", "new"}


def test_units_that_replied_to_the_same_cases_are_arms_of_their_own_but_for_the_baseline(tmp_path, monkeypatch) -> None:
    workflow = """
dsl: 2
name: seeds
data: {rows: {use: rows, path: rows.jsonl}}
graph:
  - map: seed
    over: [0, 7]
    do:
      - map: row
        over: data.rows
        at_most: 99
        do:
          - record: reply
            as: {arm: row.arm, query: row.query, gold: row.gold, output: row.output, model: row.model}
"""
    (tmp_path / "seeds.yaml").write_text(workflow, "utf-8")
    every = [*rows("before", counts(1)), *rows("after", counts(2))]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in every), "utf-8")
    ste.load(tmp_path / "seeds.yaml").run(tmp_path / "run")
    items = RunReplies(runs=(str(tmp_path / "run"),)).items()
    assert [entry["role"] for entry in items] == ["baseline"] * 4 + [None] * 8
    assert Counter(entry["arm"] for entry in items) == {"before": 4, "after 0": 4, "after 7": 4}
    assert refusal(tmp_path / "run", baseline="before", candidate="after") == (
        f"{tmp_path}/run: `candidate: after` is the name of several arms; the arms are: before, after 0, after 7"
    )
    named = RunReplies(
        runs=(str(tmp_path / "run"),), baseline="after 7", candidate="after 0", include=("after 0", "after 7")
    )
    assert Counter(entry["arm"] for entry in named.items()) == {"after 7": 4, "after 0": 4}


def test_the_only_arm_is_the_baseline_whatever_its_name(made) -> None:
    assert RunReplies(runs=(str(made(rows("alone", counts(1)))),)).items()[0]["role"] == "baseline"


def test_a_run_that_is_not_finished_or_holds_no_reply_is_refused(made, tmp_path) -> None:
    run = made(rows("baseline", counts(1, 1), of=1))
    log = sorted((run / "units").iterdir())[0]
    log.write_text("".join(line for line in log.read_text().splitlines(keepends=True) if '"done"' not in line), "utf-8")
    assert refusal(run) == (
        f"{run}: is not finished (1 of 2 units are done), so what is left would not count; "
        "go on with it, or use it unfinished with `partial: true`"
    )
    assert len(RunReplies(runs=(str(run),), partial=True).items()) == 2
    (run / "journal.jsonl").write_text("")
    expected = "a run of icl.yaml or finetune.yaml with at least one arm (`params.arms`) and one case (`params.cases`)"
    message = f"{run}: holds no reply to a test; expected {expected}"
    assert refusal(run, partial=True) == message
    made(rows("baseline", counts(1)), name="within").rename(run / "runs")
    assert refusal(run, partial=True) == f"{message}; did you mean {run}/runs?"
    (run / "journal.jsonl").write_text(json.dumps({"id": "x", "record": "reply", "arm": 5}) + "\n")
    assert f"{run}/journal.jsonl:1: this line is damaged" in refusal(run, partial=True)
    assert "is not the folder of a run" in refusal(tmp_path)


def test_a_wrong_arm_ends_the_command_before_anything_is_made(made, run_ste, tmp_path) -> None:
    run = made(rows("baseline", counts(1)), rows("new", counts(1)))
    out = tmp_path / "out"
    words = ["run", "evaluate", "--set", f"data.replies={{use: replies, runs: [{run}], baseline: old}}", "--out", out]
    code, _, err = run_ste(*words)
    assert code == 2
    assert err.endswith(f"data `replies`: {run}: `baseline: old` is not an arm; the arms are: baseline, new\n")
    assert not out.exists()
