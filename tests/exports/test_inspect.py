"""Runs as logs that inspect_ai's own reader reads."""

import json
import sys
from pathlib import Path

import pytest
from inspect_ai.event import ModelEvent, ScoreEvent, ToolEvent
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser

import ste_graph
from ste_graph.scoring.verdict import Question
from tests.evaluating.conftest import OF_X, counts, rows
from tests.report.conftest import HOSTILE, rewrite


def read(file: Path) -> EvalLog:
    return read_eval_log(str(file), resolve_attachments=True)


@pytest.fixture(scope="session")
def quick_log(quick_run: Path) -> EvalLog:
    from ste_graph.exports.inspect_log.export import write_logs
    from ste_graph.finished import open_run

    ((file, count),) = write_logs(open_run(quick_run), quick_run.parent / "quick.eval")
    log = read(file)
    assert count == len(log.samples or ()) == 12
    return log


def test_each_trial_is_a_sample_with_its_place_its_scores_and_the_unit(quick_log, quick_run):
    trials = {trial.id: trial for trial in ste_graph.open_run(quick_run).trials()}
    assert quick_log.status == "success"
    assert (quick_log.eval.task, quick_log.eval.model) == ("quickstart", "simulated")
    assert quick_log.eval.metadata["simulated"].startswith("A simulated model had a part")
    for sample in quick_log.samples:
        trial = trials.pop(sample.uuid)
        assert sample.id == f"{trial.tool}/episode-{trial.episode}/trial-{trial.loops['trial']}"
        assert (sample.input, sample.metadata["unit"]) == (trial.query, trial.tool)
        values = {name: score.value for name, score in sample.scores.items()}
        assert values["solved"] == {True: "C", False: "I", None: "N"}[trial.solved]
        assert values["call_succeeded"] == ("C" if trial.call_succeeded else "I")
        assert sample.scores["solved"].answer == trial.answer
        assert sample.metadata["tool_definition"]["parameters"]["type"] == "object"
        assert "shown once" in sample.metadata["messages"]
    assert trials == {}
    accuracy = next(score for score in quick_log.results.scores if score.name == "solved").metrics["accuracy"].value
    decided = [sample.scores["solved"].value for sample in quick_log.samples if sample.scores["solved"].value != "N"]
    assert accuracy == pytest.approx(decided.count("C") / len(decided))


def test_a_call_and_its_result_are_turns_of_the_talk_and_events(quick_log, quick_run):
    trials = {trial.id: trial for trial in ste_graph.open_run(quick_run).trials()}
    for sample in quick_log.samples:
        trial = trials[sample.uuid]
        made = [step for step in trial.steps if step.action is not None and step.observation is not None]
        called = [call for message in sample.messages if isinstance(message, ChatMessageAssistant)
                  for call in message.tool_calls or ()]  # fmt: skip
        results = [message for message in sample.messages if isinstance(message, ChatMessageTool)]
        assert [(call.function, call.arguments) for call in called] == [(step.action, step.arguments) for step in made]
        assert [message.tool_call_id for message in results] == [call.id for call in called]
        for step, message in zip(made, results, strict=True):
            assert step.observation.text in message.text
            assert (message.error is None) == step.observation.ok
        assert any(isinstance(message, ChatMessageUser) for message in sample.messages)
        events = [event for event in sample.events if isinstance(event, ToolEvent)]
        assert [(event.function, event.id) for event in events] == [(call.function, call.id) for call in called]
        asked = [event for event in sample.events if isinstance(event, ModelEvent)]
        assert len(asked) >= len(made) + 2  # imagine and reflect too
        assert {event.scorer for event in sample.events if isinstance(event, ScoreEvent)} == sample.scores.keys()
        assert [event.timestamp for event in asked] == sorted(event.timestamp for event in asked)


def test_a_run_with_parts_gives_a_file_for_each_with_the_gates_on_its_trials(distilled_run, tmp_path, ste):
    done = ste("export", distilled_run, "--form", "inspect", "--out", tmp_path / "logs")
    assert done.code == 0, done.err
    assert [file.name for file in (tmp_path / "logs").iterdir()] == ["explore.eval"]
    samples = read(tmp_path / "logs" / "explore.eval").samples
    kept = {sample.scores["gates"].value for sample in samples}
    assert kept <= {"C", "I"}
    assert {sample.scores["gates"].answer for sample in samples if sample.scores["gates"].value == "C"} <= {"kept"}
    assert all(sample.scores["gates"].explanation for sample in samples)
    one = ste("export", distilled_run, "--form", "inspect", "--part", "explore", "--out", tmp_path / "one.eval")
    assert one.code == 0
    assert len(read(tmp_path / "one.eval").samples) == len(samples)
    assert str(tmp_path) not in (tmp_path / "one.eval").read_bytes().decode("latin-1")


def test_replies_to_a_test_have_an_epoch_for_each_reply_and_the_wanted_call_as_target(quick_run, tmp_path):
    from ste_graph.exports.inspect_log.samples import make_samples
    from ste_graph.exports.parts import ExportRecord, read_run

    (part,) = read_run(ste_graph.open_run(quick_run)).parts
    gold = {"tool": "days_between", "arguments": {"start": "2024-01-01", "end": "2024-02-01"}}
    common = {"record": "reply", "tool": "days_between", "query": "How long?", "gold": gold, "model": "qwen",
              "started": "2026-01-01T00:00:00.000Z", "ended": "2026-01-01T00:00:02.000Z"}  # fmt: skip
    right = {"api_match": True, "args_correct": True, "called": gold["tool"], "arguments": gold["arguments"]}
    lines = [
        {"id": "a", **common, "arm": "baseline", "n": 0, "output": "Nothing.", "no_call": True},
        {"id": "b", **common, "arm": "baseline", "n": 1, "output": "{}", **right},
        {"id": "c", **common, "arm": "exemplars", "n": 0, "output": "{}", **right, "shown": ["e1"]},
    ]
    samples = make_samples(part, [ExportRecord(line, "days_between") for line in lines])
    assert [(sample.id, sample.epoch) for sample in samples] == [
        ("days_between/case-0/baseline", 1),
        ("days_between/case-0/baseline", 2),
        ("days_between/case-0/exemplars", 1),
    ]
    assert [sample.scores["correct"].value for sample in samples] == ["I", "C", "C"]
    assert {sample.target for sample in samples} == {'days_between {"start": "2024-01-01", "end": "2024-02-01"}'}
    assert samples[2].messages[1].tool_calls[0].arguments == gold["arguments"]
    assert samples[2].metadata["shown"] == ["e1"]
    assert samples[0].total_time == 2.0


def test_an_evaluation_shows_the_replies_that_it_read_with_its_decision_and_the_verdicts_of_its_judge(
    made, evaluated, tmp_path, ste
):
    replies = [*rows("baseline", counts(0, 2), of=2), *rows("exemplars", counts(2, 2), of=2, subject=OF_X)]
    found = evaluated(made(replies))
    done = ste("export", tmp_path / "evaluation", "--form", "inspect", "--out", tmp_path / "e.eval")
    assert done.code == 0, done.err
    log = read(tmp_path / "e.eval")
    assert (log.eval.metadata["decision"], log.eval.metadata["reason"]) == (found["decision"], found["reason"])
    values = {sample.id: sample.scores["correct"].value for sample in log.samples}
    assert len(values) == 8
    assert values["tool_A/case-0/baseline"] == "I"
    metrics = next(score for score in log.results.scores if score.name == "correct").metrics
    assert {name: metric.value for name, metric in metrics.items()} == {
        "accuracy": 0.75,
        "baseline": 0.5,
        "exemplars": 1.0,
    }

    # What only a judge can tell counts as he said.
    journal = tmp_path / "evaluation" / "journal.jsonl"
    reply = next(sample for sample in log.samples if sample.id == "tool_A/case-0/baseline")
    question = Question("tool_A", reply.input, {"n": 0}, {"n": "no number"})
    verdict = {"id": "v", "record": "verdict", "run": "run", **question.to_json(), "right": True, "judge": "j"}
    with journal.open("a") as file:
        file.write(json.dumps(verdict) + "\n")
    assert ste("export", tmp_path / "evaluation", "--form", "inspect", "--out", tmp_path / "e.eval").code == 0
    judged = {sample.id: sample.scores["correct"] for sample in read(tmp_path / "e.eval").samples}
    assert judged["tool_A/case-0/baseline"].value == "C"
    assert judged["tool_A/case-0/baseline"].explanation == "The judge's verdict."
    assert judged["tool_A/case-1/baseline"].value == "I"


def test_a_unit_that_failed_is_a_sample_with_its_error(tiny, tmp_path, ste):
    (tmp_path / "broken").touch()
    own = {"models.model.fails_on": "two, turn 1", "models.model.broken": str(tmp_path / "broken")}
    assert ste_graph.load(tiny, set=own).run(tmp_path / "run").failed
    assert ste("export", tmp_path / "run", "--form", "inspect", "--out", tmp_path).code == 0
    log = read(tmp_path / "tiny.eval")
    assert log.status == "error"
    failed = [sample for sample in log.samples if sample.error is not None]
    assert [sample.id for sample in failed] == ["two (failed)"]
    assert "out of order" in failed[0].error.message


def test_what_models_and_tools_wrote_stays_text_without_control_characters(quick_run, tmp_path, ste):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(quick_run, run)
    rewrite(run, lambda trial: trial.update(query=HOSTILE, answer=HOSTILE))
    assert ste("export", run, "--form", "inspect", "--out", tmp_path / "h.eval").code == 0
    sample = read(tmp_path / "h.eval").samples[0]
    assert "</script><img src=x onerror=alert(1)>" in sample.input
    text = json.dumps(sample.model_dump(mode="json"), ensure_ascii=False)
    assert not any(character in text for character in "\x1b\u202e\u2028")


def test_without_trials_or_packages_or_for_a_wrong_part_it_says_what_to_do(
    quick_run, distilled_run, tmp_path, ste, monkeypatch
):
    part = distilled_run / "runs" / "distil"
    for arguments, said in (
        ([distilled_run, "--part", "explor"], "has no part `explor`; did you mean `explore`? parts: "),
        ([distilled_run, "--part", "chain"], "has no trials and no replies to export; it has no records yet"),
        ([tmp_path / "none"], "is not the folder of a run"),
        ([quick_run, "--tool", "x"], "does not go with `--form inspect`"),
        ([quick_run, "--out", quick_run / "journal.jsonl" / "x.eval"], "cannot be written"),
    ):
        done = ste("export", *arguments, "--form", "inspect")
        assert done.code == 2
        assert said in " ".join(done.err.split()), done.err
    assert ste("export", part, "--form", "inspect", "--out", tmp_path / "d.eval").code == 0
    gates = [sample.scores["gates"].answer for sample in read(tmp_path / "d.eval").samples]
    assert len(gates) == 4
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    done = ste("export", quick_run, "--form", "inspect")
    assert (done.code, "pip install 'ste-graph[inspect]'" in done.err) == (2, True)


@pytest.mark.parametrize("change", [{"_BATCH": 5}, {"_BATCH": 12}, {"EvalRecorder": None}])
def test_a_log_reads_the_same_however_it_is_written(quick_log, quick_run, tmp_path, monkeypatch, change):
    """In batches, or by inspect's public way of writing, which takes far longer for thousands of samples."""
    from ste_graph.exports.inspect_log import export
    from ste_graph.finished import open_run

    for name, value in change.items():
        monkeypatch.setattr(export, name, value)
    export.write_logs(open_run(quick_run), tmp_path / "again.eval")
    again = read(tmp_path / "again.eval")
    stored = {"attachments", "events_data"}
    assert [sample.model_dump(exclude=stored) for sample in again.samples or ()] == [
        sample.model_dump(exclude=stored) for sample in quick_log.samples or ()
    ]
    assert (again.results, again.stats, again.eval) == (quick_log.results, quick_log.stats, quick_log.eval)
