from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ste_graph.finished import open_run
from ste_graph.run.folder import FORMAT

LINES = [
    {
        "id": "a", "record": "trial", "tool": "add_days", "episode": 0, "trial": 0,
        "query": "What day is it in a week?\nToday is Monday.",
        "steps": [
            {"thought": "Hm.", "action": None, "arguments": None,
             "observation": {"ok": False, "kind": "malformed", "text": "Not readable."}},
            {"thought": None, "action": "add_days", "arguments": {"days": 7},
             "observation": {"ok": True, "kind": "ok", "text": "Monday"}},
        ],
        "answer": "Monday", "solved": True, "fingerprint": "f", "ended_by": "answer", "model": "simulated",
        "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:01Z",
    },
    {
        "id": "b", "record": "trial", "tool": "today", "episode": 0, "trial": 1,
        "query": "And now?", "steps": [{"thought": "Now.", "action": "today", "arguments": {}, "observation": None}],
        "answer": None, "solved": None, "fingerprint": "f", "ended_by": "turns", "model": "qwen",
        "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:01Z",
    },
]  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a run with two trials, one of which a real model made."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "old"
    (folder / "units").mkdir(parents=True)
    (folder / "workflow.lock.yaml").write_text(
        f"format: {FORMAT}\nmodels: {{explorer: simulated}}\nunits: {{add_days: f, today: f}}\n"
        "skipped: {drop: {effect: write, remedy: 'allow: [drop]'}}\nresolved: {}\n"
    )
    for line in LINES:
        step = {"key": "record", "started": line["started"], "ended": line["ended"], "record": line}
        log = folder / "units" / f"{line['tool']}.jsonl"
        log.write_text(json.dumps(step) + "\n" + json.dumps({"done": "2026-01-01T00:00:02Z"}) + "\n")
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return "old"


def test_trials_are_printed_step_by_step_below_a_line_per_tool(ste, run):
    result = ste("show", run)
    assert result.code == 0
    assert result.out == (
        "old: 2 trials, model: simulated\n"
        "\n"
        "tool      trials  solved  not  unclear  call succeeded  grounded  with failed calls\n"
        "add_days       1       1    0        0               1         0                  1  done\n"
        "today          1       0    0        1               0         0                  0  done\n"
        "\n"
        "beware: 1 solved by the model's word; 1 of them not grounded\n"
        "\n"
        "-- add_days, episode 0, trial 0: solved by the model's word (simulated); "
        "the last call succeeded, not grounded\n"
        "   request      What day is it in a week?\n"
        "                Today is Monday.\n"
        "   thought      Hm.\n"
        "   call         (no call that could be read)\n"
        "   observation  [malformed] Not readable.\n"
        '   call         add_days {"days": 7}\n'
        "   observation  Monday\n"
        "   answer       Monday\n"
        "\n"
        "-- today, episode 0, trial 1: unclear; no call succeeded\n"
        "   request      And now?\n"
        "   thought      Now.\n"
        "   call         today {}\n"
        "   answer       (none: the turns ran out)\n"
    )


def test_coverage_is_a_line_per_tool_or_data(ste, run):
    lock = Path(run) / "workflow.lock.yaml"
    schema = '{"properties": {"days": {"type": "integer"}, "back": {"type": "boolean"}}}'
    lock.write_text(f"{lock.read_text()}schemas: {{add_days: {schema}}}\n")
    assert ste("show", run, "--coverage").out == (
        "tool      parameters  choices  requests  spread  idle  errors met\n"
        "add_days         1/2      0/2         1       -     0  none\n"
        "today            0/0      0/0         0       -     1  none\n"
    )
    result = json.loads(ste("show", run, "--coverage", "--tool", "add_days", "--format", "json").out)
    assert result == {
        "add_days": {
            "parameters": ["days"], "values": [], "errors": [], "requests": 1, "spread": None, "idle": 0,
            "unused": ["back"], "parameter_count": 2, "value_count": 2,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["a", "b"]),
        (["--tool", "today"], ["b"]),
        (["--solved"], ["a"]),
        (["--unsolved"], ["b"]),
        (["--failed-calls"], ["a"]),
        (["-n", "1"], ["a"]),
        (["--tool", "today", "--solved"], []),
    ],
)
def test_options_select_trials(ste, run, options, found):
    result = ste("show", run, *options, "--format", "json")
    assert [line["id"] for line in json.loads(result.out)] == found


def test_the_trials_of_one_tool_are_shown_as_among_all_and_the_lines_of_others_are_not_parsed(ste, folder):
    ste("run", "small.yaml", "--out", "out", "--set", "params.episodes=2", "--quiet")

    def texts(*options: str) -> list[str]:
        _, *shown = ste("show", "out", *options).out.split("\n\n-- ")
        return [text.rstrip("\n") for text in shown]

    def lines(*options: str) -> list[dict]:
        return json.loads(ste("show", "out", "--format", "json", *options).out)

    own_texts = [text for text in texts() if text.startswith("double, ")]
    own_lines = [line for line in lines() if line["tool"] == "double"]
    row = next(row for row in ste("show", "out").out.splitlines() if row.startswith("double "))
    assert len(own_texts) == len(own_lines) == 4
    journal = Path("out/journal.jsonl")
    journal.write_text(
        re.sub(r'"tool":"shout".*(?=\}\n)', r'"tool":"shout",rubbish', journal.read_text("utf-8")), "utf-8"
    )
    assert ste("show", "out").code == 2
    assert texts("--tool", "double") == own_texts
    assert lines("--tool", "double") == own_lines
    assert lines("--tool", "double", "--record", "trial", "-n", "2") == own_lines[:2]
    overview = ste("show", "out", "--tool", "double", "-n", "0").out
    assert overview.startswith("out: 8 trials, model: simulated\n")
    assert row.split() in [line.split() for line in overview.splitlines()]


def test_hidden_trials_are_counted(ste, run):
    assert ste("show", run, "-n", "1").out.endswith("\n\n1 more; leave out `-n` to see all 2\n")
    assert ste("show", run, "--tool", "today", "--solved").out.endswith("\n\nno such trial\n")


def test_a_mistyped_tool_is_answered_with_a_suggestion(ste, run):
    result = ste("show", run, "--tool", "add_day")
    assert (result.code, result.out) == (2, "")
    assert result.err == "old: this run has no tool `add_day`; did you mean `add_days`? it has: add_days, today\n"


def test_a_tool_that_was_left_out_is_answered_with_the_line_that_allows_it(ste, run):
    result = ste("show", run, "--tool", "drop")
    assert (result.code, result.err) == (2, "old: `drop` was left out of this run; to allow it: allow: [drop]\n")


def test_a_folder_that_is_not_a_run_is_refused_with_the_runs_that_are_near(ste, run):
    result = ste("show", ".")
    assert (result.code, result.err) == (
        2,
        ".: is not the folder of a run (it has no workflow.lock.yaml). Runs here: old. Start one with `ste run"
        " WORKFLOW`.\n",
    )
    assert ste("show", "odl").err.endswith("Runs here: old. Start one with `ste run WORKFLOW`.\n")


def test_without_a_run_near_only_the_way_to_start_one_is_named(ste, tmp_path):
    assert ste("show", tmp_path / "none" / "gone").err.endswith(
        "(it has no workflow.lock.yaml). Start one with `ste run WORKFLOW`.\n"
    )


def test_control_characters_of_a_tool_do_not_reach_the_terminal(ste, run, tmp_path):
    journal = tmp_path / "old" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"Monday"', '"Mon\\u001b[2Jday"'))
    assert "\x1b" not in ste("show", run).out


def test_units_that_failed_before_their_first_record_are_named_with_the_reason(ste, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "icl"
    (folder / "units").mkdir(parents=True)
    graph = "[{map: tool, over: data.test, do: [answer, {record: reply, as: {}}]}]"
    (folder / "workflow.lock.yaml").write_text(
        f"format: {FORMAT}\nmodels: {{learner: simulated}}\nunits: {{today: f, add_days: f}}\nskipped: {{}}\n"
        f"resolved: {{workflow: {{graph: {graph}}}}}\n"
    )
    for unit, why in (("today", "the server is gone"), ("add_days", "the room is too small")):
        failed = {"failed": why, "at": "2026-01-01T00:00:02Z"}
        (folder / "units" / f"{unit}.jsonl").write_text(json.dumps(failed) + "\n")
    assert ste("show", "icl").out == (
        "2 of 2 units failed; running again continues where they stopped:\n"
        "  today: the server is gone\n"
        "  add_days: the room is too small\n"
        "\n"
        "icl: no record yet\n"
    )


def test_a_failed_unit_shows_its_reason(ste, run, tmp_path):
    with (tmp_path / "old/units/today.jsonl").open("w") as log:
        log.write(json.dumps({"failed": "the server is gone", "at": "2026-01-01T00:00:02Z"}) + "\n")
    lines = ste("show", run).out.split("\n\n")[1].splitlines()
    assert lines[-2:] == [
        "today          1       0    0        1               0         0                  0  failed",
        "today: the server is gone",
    ]


def test_a_run_can_be_summarised_from_its_folder(run):
    summary = open_run(run).summary()
    assert (summary.done, summary.units, dict(summary.records)) == (2, 2, {"trial": 2})


def test_a_run_of_sub_workflows_shows_its_parts(folder, ste):
    clumsy = "dsl: 2\nname: whole\ngraph:\n  - run: small.yaml\n    with: {models.explorer.mistakes: 1}\n"
    (folder / "whole.yaml").write_text(clumsy, "utf-8")
    ran = ste("run", folder / "whole.yaml", "--out", folder / "whole", "--quiet")
    assert "Look at a part of it with: ste show whole/runs/small" in ran.out
    shown = ste("show", folder / "whole")
    assert "whole: complete (1 of 1 unit done)" in shown.out
    part = folder / "whole" / "runs" / "small"
    assert "trials  (whole/runs/small)" in shown.out
    failed = open_run(part).summary().used.failed_calls
    assert failed > 0
    assert f"  failed calls  {failed} (" in shown.out
    assert shown.out.endswith(f"\n\nLook at a part of it with: ste show {part}\n")
    assert json.loads(ste("show", folder / "whole", "--format", "json").out)["parts"]["small"]["run"] == str(part)


@pytest.mark.parametrize(
    "options", [["-n", "2"], ["--tool", "double"], ["--coverage"], ["--solved"], ["--record", "trial"]]
)
def test_a_run_of_sub_workflows_says_in_which_part_the_trials_are(folder, ste, options):
    (folder / "whole.yaml").write_text("dsl: 2\nname: whole\ngraph:\n  - run: small.yaml\n", "utf-8")
    ste("run", "whole.yaml", "--out", "whole", "--quiet")
    result = ste("show", "whole", *options)
    assert (result.code, result.out, result.err) == (
        2,
        "",
        "whole: this run has no `trial` records of its own; they are in its parts; look with:"
        " ste show whole/runs/small\n",
    )


def test_a_record_that_no_part_has_is_named_with_the_parts(folder, ste):
    (folder / "whole.yaml").write_text("dsl: 2\nname: whole\ngraph:\n  - run: small.yaml\n", "utf-8")
    ste("run", "whole.yaml", "--out", "whole", "--quiet")
    assert ste("show", "whole", "--record", "reply").err == (
        "whole: this run has no `reply` records of its own; nor has any of its parts: whole/runs/small\n"
    )


def reply(arm, output, *, err=False, api_match=True, args_correct=True, **more):
    return {
        "id": arm + output, "record": "reply", "tool": "add", "arm": arm, "query": "Add 1.", "output": output,
        "gold": {"tool": "add", "arguments": {"a": 1}}, "model": "simulated", "no_call": False, "err": err,
        "api_match": api_match, "args_correct": args_correct, "problem": None, "started": "s", "ended": "e", **more,
    }  # fmt: skip


@pytest.fixture
def tested(run):
    lines = [
        reply("baseline", "No.", err=True, api_match=None, args_correct=None, problem="no call"),
        reply("baseline", "sub", api_match=False, args_correct=None),
        reply("exemplars", "right"),
        reply("exemplars", "who knows", args_correct=None),
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    Path(run, "journal.jsonl").write_text(text, "utf-8")
    lock = Path(run, "workflow.lock.yaml")
    lock.write_text(lock.read_text("utf-8").replace("units: {add_days", "units: {add: f, add_days"), "utf-8")
    return run


def test_replies_to_a_test_are_counted_by_arm_with_undecided_ones_as_a_range(ste, tested):
    assert ste("show", tested).out == (
        "old: 4 replies, model: simulated\n"
        "\n"
        "arm        replies  well-formed  API match      correct\n"
        "baseline         2         50.0        0.0          0.0\n"
        "exemplars        2        100.0      100.0  50.0..100.0\n"
        "\n"
        "Compare the arms with: ste run evaluate --set 'data.replies.runs=[old]'\n"
    )


def test_each_reply_is_printed_if_a_tool_or_a_number_is_named(ste, tested):
    printed = ste("show", tested, "--tool", "add", "-n", "1").out
    assert printed.endswith(
        "-- add, baseline: wrong (simulated)\n"
        "   request      Add 1.\n"
        '   wanted       add {"a": 1}\n'
        "   reply        No.\n"
        "   problem      no call\n"
        "\n"
        "3 more; leave out `-n` to see all 4\n"
    )
    assert ste("show", tested, "--record", "reply").out.count("\n-- add, ") == 4
    assert ste("show", tested, "-n", "9").out.count("\n-- add, ") == 4
    assert "exemplars: undecided (simulated)" in ste("show", tested, "-n", "9").out
    assert [line["arm"] for line in json.loads(ste("show", tested, "-n", "3", "--format", "json").out)] == [
        "baseline", "baseline", "exemplars",
    ]  # fmt: skip
