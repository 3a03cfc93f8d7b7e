"""evaluate.yaml, whole: figures, bounds, the judge, the decision, and going on after a stop."""

import json
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.errors import WorkflowError

from .conftest import OF_X, TOOLS, call, counts, row, rows


def learnt(*right: int, of: int = 4, arm: str = "exemplars", subject: dict[str, Any] = OF_X) -> list[dict[str, Any]]:
    return rows(arm, counts(*right), of, subject=subject)


def test_the_figures_of_replies_that_one_can_count_by_hand(made, evaluated) -> None:
    replies = [
        row("baseline", "add", 1, call("add", n=1)),  # right
        row("baseline", "add", 2, call("add", n=1)),  # a wrong argument
        row("baseline", "add", 3, call("add", n=3, unit="km")),  # right, with one argument too many
        row("baseline", "add", 4, 'Action: add\nAction Input: {"n": 4,}'),  # right, once it is mended
        row("baseline", "sub", 1, call("add", n=1)),  # another tool
        row("baseline", "sub", 2, "Final Answer: 2"),  # no call
        row("baseline", "sub", 3, "I would rather not."),  # malformed
        row("baseline", "sub", 4, None),  # missing
        row("baseline", "now", 1, call("now"), gold={"tool": "now", "arguments": {}}),  # right, without arguments
        row("baseline", "now", 2, call("subtract", n=2), gold={"tool": "now", "arguments": {}}),  # an unknown tool
    ]
    found = evaluated(made(replies))
    figures = found["arms"]["baseline"]
    assert figures["cases"] == 10
    assert (figures["no_call"], figures["malformed"], figures["undecided"]) == (1, 2, 0)
    assert (figures["wellformed"]["count"], figures["wellformed"]["of"]) == ([7, 7], 10)
    assert (figures["api_match"]["count"], figures["api_match"]["of"]) == ([5, 5], 7)
    assert (figures["correct"]["count"], figures["correct"]["of"]) == ([4, 4], 10)
    assert (figures["argument_accuracy"]["count"], figures["argument_accuracy"]["of"]) == ([3, 3], 4)
    assert figures["extra_arguments"] == {"calls": 1, "arguments": {"add.unit": 1}}
    assert figures["repaired"] == {"calls": 1, "repairs": {"trailing comma": 1}}
    assert figures["confusion"] == [
        {"gold": "sub", "called": "add", "count": 1},
        {"gold": "now", "called": "subtract", "count": 1},
    ]
    assert {tool: own["correct"]["count"] for tool, own in figures["tools"].items()} == {
        "add": [3, 3], "sub": [0, 0], "now": [1, 1],
    }  # fmt: skip
    assert found["decision"] == "keep"
    assert found["reason"] == "there is only one arm, and nothing to compare it with; what was there stays"


def test_an_arm_whose_whole_interval_lies_above_0_is_adopted_with_what_it_stands_for(made, evaluated) -> None:
    run = made(rows("baseline", counts(0, 1, 1, 2, 0, 1)), learnt(2, 3, 4, 4, 3, 3))
    found = evaluated(run)
    assert (found["decision"], found["candidate"], found["adopted"]) == ("adopt", "exemplars", OF_X)
    assert found["interval"]["low"] > 0
    assert found["interval"]["mean"] == pytest.approx(14 / 24)
    assert found["gains"]["exemplars"]["least"] == found["interval"]
    assert (found["gains"]["exemplars"]["won"], found["gains"]["exemplars"]["lost"]) == (14, 0)


@pytest.mark.parametrize(
    "right", [(2, 0, 1, 1, 2, 0), (4, 1, 0, 1, 1, 2), (0, 0, 1, 0, 0, 0)],
    ids=["a tie on the average", "a gain within the noise", "a loss"],
)  # fmt: skip
def test_all_else_keeps_what_was_there(right: tuple[int, ...], made, evaluated) -> None:
    found = evaluated(made(rows("baseline", counts(1, 1, 1, 1, 1, 1)), learnt(*right)))
    assert (found["decision"], found["adopted"]) == ("keep", None)
    assert found["interval"]["low"] <= 0
    assert "the interval is not wholly above 0, so what was there stays" in found["reason"]


def test_a_gain_that_may_be_chance_is_told_how_many_cases_would_show_it(made, evaluated) -> None:
    found = evaluated(made(rows("baseline", counts(*[1] * 6)), learnt(4, 1, 0, 1, 1, 2)))
    assert found["reason"].endswith("(to show a gain of this size, some 100 cases are needed; there are 24)")


@pytest.mark.parametrize(
    ("before", "after", "decision"),
    [(0, 4, "adopt"), (0, 0, "keep"), (4, 4, "keep"), (1, 1, "keep"), (1, 2, "adopt"), (2, 1, "keep"), (4, 0, "keep")],
    ids=["all gained", "all 0", "all 100", "all the same", "the same gain", "the same loss", "all lost"],
)  # fmt: skip
def test_where_every_tool_gains_the_same_the_interval_has_a_width_all_the_same(
    before: int, after: int, decision: str, made, evaluated
) -> None:
    found = evaluated(made(rows("baseline", counts(*[before] * 6)), learnt(*[after] * 6)))
    interval, gain = found["interval"], (after - before) / 4
    assert found["decision"] == decision
    assert interval["mean"] == gain
    assert interval["high"] - interval["low"] > 0.05
    assert (interval["low"] > 0) == (decision == "adopt")
    for arm in found["arms"].values():
        for estimate in (arm["correct"]["these_tools"], arm["correct"]["tools_like_these"]):
            assert estimate["high"] - estimate["low"] > 0.05


def test_one_tool_is_enough_to_decide_for_that_tool_and_says_nothing_of_others(made, evaluated) -> None:
    found = evaluated(made(rows("baseline", counts(1), 16), learnt(14, of=16)))
    assert found["decision"] == "adopt"
    assert found["interval"]["cases"] == 16
    assert found["gains"]["exemplars"]["beyond"]["reason"] == "too few cases to tell: 1 tool, at least 6 are needed"


def test_a_tool_that_is_harmed_keeps_what_was_there_while_the_others_gain(made, evaluated) -> None:
    run = made(rows("baseline", counts(1, 1, 1, 1, 1, 8), 8), learnt(7, 7, 7, 7, 7, 0, of=8))
    found = evaluated(run)
    assert (found["decision"], found["adopted"]) == ("adopt", OF_X)
    assert found["adopted_for"] == ["tool_A", "tool_B", "tool_C", "tool_D", "tool_E"]
    assert found["interval"]["mean"] == pytest.approx(5 * 6 / 8 / 6), "the harmed tool counts, and gains nothing"
    assert "it harms `tool_F` (-100.0 (95 % " in found["reason"]
    assert "by more than 10 points, so 1 tool stays as before" in found["reason"]
    lenient = evaluated(run, out="lenient", nodes__evaluate__harm=100)
    assert lenient["adopted_for"] is None


def test_a_model_that_harms_a_tool_is_not_adopted_since_it_serves_all(made, evaluated) -> None:
    model = {"kind": "model", "path": "runs/learn/model", "digest": "d" * 64}
    run = made(rows("baseline", counts(1, 1, 1, 1, 1, 8), 8), learnt(7, 7, 7, 7, 7, 0, of=8, subject=model))
    found = evaluated(run)
    assert (found["decision"], found["adopted"], found["adopted_for"]) == ("keep", None, None)
    assert found["reason"].endswith("a model serves all tools or none, so what was there stays")


def test_one_tool_ruined_while_the_rest_gain_little_is_no_gain(made, evaluated) -> None:
    run = made(rows("baseline", counts(*[5] * 7, 8), 8), learnt(*[6] * 6, 5, 0, of=8))
    found = evaluated(run, nodes__evaluate__harm=100)
    assert (found["decision"], found["interval"]["mean"] < 0) == ("keep", True)


def test_the_best_of_several_must_pass_holms_correction_and_one_that_was_named_before_need_not(made, evaluated) -> None:
    base = rows("baseline", counts(0, 0, 0, 0, 0, 0, 0, 1))
    gains = learnt(1, 0, 1, 1, 1, 1, 2, 0)
    runs = [{"exemplars": {"run_id": f"{n}", "run": "runs/x"}} for n in range(4)]
    subjects = [{"kind": "forms", "forms": forms} for forms in runs]
    others = [learnt(0, 0, 0, 0, 0, 0, 0, 1, arm=f"other {n}", subject=of) for n, of in enumerate(subjects)]
    run = made(base, gains, *others)
    best = evaluated(run)
    named = evaluated(run, out="named", data__replies__candidate="exemplars")
    assert (best["candidate"], named["candidate"]) == ("exemplars", "exemplars")
    assert "`exemplars`, the best of 5 candidates, gains +18.8 (95 % " in best["reason"]
    assert "after Holm's correction for 5 candidates, so what was there stays" in best["reason"]
    assert (best["decision"], named["decision"]) == ("keep", "adopt")
    assert best["gains"]["exemplars"] == named["gains"]["exemplars"]


def test_a_placebo_is_compared_but_is_no_candidate(made, evaluated) -> None:
    base, placebo = rows("baseline", counts(*[0] * 6)), rows("shuffled", counts(*[4] * 6))
    found = evaluated(made(base, placebo))
    assert (found["decision"], found["candidate"]) == ("keep", None)
    assert found["reason"].startswith("no arm says what would be adopted (`shuffled`)")
    assert found["gains"]["shuffled"]["least"]["mean"] == 1.0


def test_undecided_calls_give_bounds_and_the_decision_rests_on_the_lower_one(made, evaluated) -> None:
    new = [row("exemplars", "tool_A", 0, "no call", subject=OF_X), *learnt(*[3] * 6)[1:]]
    found = evaluated(made(rows("baseline", counts(*[1] * 6)), new), nodes__evaluate__judged="all")
    base, gain = found["arms"]["baseline"], found["gains"]["exemplars"]
    assert (base["undecided"], base["correct"]["count"]) == (18, [6, 24])
    # A wrong number is the same question in both arms, and so makes no difference: 2 of 4 cases are in doubt.
    assert (gain["least"]["mean"], gain["most"]["mean"]) == pytest.approx((-1 / 24, 11 / 24))
    assert found["decision"] == "keep"
    assert found["reason"].endswith("could lift it above 0: until a judge has, what was there stays")
    assert "18 calls can only be judged" in found["table"]


# -- the judge -------------------------------------------------------------------------------------------------------


JUDGE = '''
import json
from pathlib import Path

from ste_graph.models.adapter import Adapter, RawReply


class Judge(Adapter):
    """Always says the same, and notes what it was asked."""

    heard: str
    says: str

    @property
    def label(self):
        return "the judge"

    def open_client(self):
        return self

    async def ask(self, request) -> RawReply:
        with Path(self.heard).open("a") as file:
            file.write(json.dumps(request.messages[-1]["content"]) + "\\n")
        return RawReply(self.says)

    async def close(self) -> None: ...
'''


@pytest.fixture
def judging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A judge that always says the same: the settings for it, and what it has been asked."""
    (tmp_path / "judging.py").write_text(JUDGE, "utf-8")
    workflow = tmp_path / "judged.yaml"
    bundled = Path(ste.experiment.bundled_workflows()["evaluate"])
    workflow.write_text(f"extends: {bundled}\nname: judged\nplugins: [judging.py]\n", "utf-8")
    heard = tmp_path / "heard.jsonl"

    def load(says: str, run: Path, **more: Any):
        model = {"use": "judging.Judge", "heard": str(heard), "says": says}
        changes = {"models.judge": model, "data.replies.runs": [str(run)], "nodes.evaluate.judged": "all", **more}
        return ste.load(workflow, variant="judged", set=changes)

    def asked() -> list[str]:
        return [json.loads(line) for line in heard.read_text().splitlines()] if heard.exists() else []

    return load, asked


def last(run: Path) -> dict[str, Any]:
    return [line for line in ste.open_run(run).records() if line["record"] == "evaluation"][-1]


def test_the_judge_is_asked_once_about_equal_questions_and_never_where_rules_decide(made, judging, tmp_path) -> None:
    load, asked = judging
    run = made(rows("baseline", counts(*[1] * 6)), learnt(*[3] * 6))
    load('{"same": true, "why": "so it is"}', run).run(tmp_path / "out")
    # Of 48 replies 24 are equal to the gold call, and the other arm's wrong ones are among the 18 of the baseline.
    assert len(asked()) == len(set(asked())) == 18
    assert all('"no number"' in item for item in asked())
    found = last(tmp_path / "out")
    assert found["arms"]["baseline"]["correct"]["count"] == [24, 24]
    assert (found["arms"]["baseline"]["judged"], found["arms"]["exemplars"]["judged"]) == (18, 6)
    assert "the judge was asked about 18 calls" in found["table"]
    verdicts = [line for line in ste.open_run(tmp_path / "out").records() if line["record"] == "verdict"]
    assert [(item["right"], item["why"], item["judge"]) for item in verdicts] == [(True, "so it is", "the judge")] * 18


@pytest.mark.parametrize("says", ["I like tea.", '{"same": "perhaps"}', '{"why": "hm"}', "yes and no"])
def test_a_judge_that_answers_nonsense_decides_nothing(says: str, made, judging, tmp_path) -> None:
    load, _ = judging
    load(says, made(rows("baseline", counts(*[1] * 6)), learnt(*[3] * 6))).run(tmp_path / "out")
    found = last(tmp_path / "out")
    assert found["arms"]["baseline"]["correct"]["count"] == [6, 24]
    assert "the judge was asked about 18 calls; 18 of its replies held no verdict" in found["table"]
    assert found["decision"] == "keep"


def test_what_an_earlier_run_or_a_file_knows_is_not_asked_again(made, judging, tmp_path) -> None:
    load, asked = judging
    run = made(rows("baseline", counts(*[1] * 6)), learnt(*[3] * 6))
    load("no", run).run(tmp_path / "first")
    assert len(asked()) == 18
    load("yes", run, **{"data.known.paths": [str(tmp_path / "first")]}).run(tmp_path / "second")
    assert len(asked()) == 18
    assert last(tmp_path / "second")["arms"] == last(tmp_path / "first")["arms"]
    verdict = next(line for line in ste.open_run(tmp_path / "first").records() if line["record"] == "verdict")
    file = tmp_path / "verdicts.jsonl"
    file.write_text(json.dumps({"key": verdict["key"], "right": True}), "utf-8")
    load("no", run, **{"data.known.paths": [str(file)]}).run(tmp_path / "third")
    assert len(asked()) == 18 + 17
    assert last(tmp_path / "third")["arms"]["baseline"]["correct"]["count"] == [7, 7]


def test_a_stopped_evaluation_goes_on_and_asks_nothing_twice(made, judging, tmp_path) -> None:
    load, asked = judging
    run = made(rows("baseline", counts(*[1] * 6)), learnt(*[3] * 6))
    stopped = load("yes", run, **{"budget.model_calls": 7}).run(tmp_path / "out")
    assert (stopped.stopped_by, len(asked())) == ("budget", 7)
    load("yes", run, **{"budget.model_calls": 100}).run(tmp_path / "out")
    assert len(asked()) == len(set(asked())) == 18
    load("yes", run).run(tmp_path / "whole")
    resumed, whole = last(tmp_path / "out"), last(tmp_path / "whole")
    times = ("started", "ended")
    assert {k: v for k, v in resumed.items() if k not in times} == {k: v for k, v in whole.items() if k not in times}


def test_at_most_so_many_questions_are_put_to_the_judge(made, judging, tmp_path) -> None:
    load, asked = judging
    run = made(rows("baseline", counts(*[1] * 6)), learnt(*[3] * 6))
    load("yes", run, **{"params.questions": 5}).run(tmp_path / "out")
    assert len(asked()) == 5
    assert last(tmp_path / "out")["arms"]["baseline"]["correct"]["count"] == [11, 24]


# -- files of predictions --------------------------------------------------------------------------------------------


def predictions(right: int) -> dict[str, list[dict[str, str]]]:
    return {
        tool: [
            {
                "query": f"{n}",
                "action_input": "{}",
                "model_output": call(tool) if n < right * (1 + number % 2) else "no",
            }
            for n in range(3)
        ]
        for number, tool in enumerate(TOOLS)
    }


def test_files_of_predictions_are_arms_too(evaluated, run_ste, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("STE_DATA", raising=False)
    files = {"before": tmp_path / "before.json", "after": tmp_path / "after.json"}
    for (_, file), right in zip(files.items(), (0, 2), strict=True):
        file.write_text(json.dumps(predictions(right)), "utf-8")
    arms = {name: str(file) for name, file in files.items()}
    found = evaluated(data__replies={"use": "predictions", "arms": arms, "candidate": "after"})
    assert (found["decision"], found["baseline"], found["adopted"]) == ("adopt", "before", None)
    _, out, _ = run_ste("score", *files.values(), "--format", "json")
    gain = json.loads(out)["difference"]
    assert {key: found["gains"]["after"][key] for key in ("least", "most")} == {
        key: gain[key] for key in ("least", "most")
    }


def test_the_papers_predictions_gain_what_ste_score_says(evaluated, run_ste) -> None:
    import os

    data = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste" / "predictions"
    if not data.is_dir():
        pytest.skip(f"{data} is not there; set STE_DATA")
    files = [data / "llama-7Bf.json", data / "mistral_FT.json"]
    for parser, flags in (("paper", ["--stored-verdicts"]), ("tolerant", [])):
        found = evaluated(
            out=parser,
            data__replies={
                "use": "predictions", "arms": {"llama": str(files[0]), "tuned": str(files[1])}, "candidate": "tuned",
                "stored_verdicts": bool(flags),
            },
            nodes__evaluate__exact_names=False,
            nodes__evaluate__parser=parser,
        )  # fmt: skip
        _, out, _ = run_ste("score", *files, "--parser", parser, *flags, "--format", "json")
        scores = json.loads(out)
        gain = {key: value for key, value in scores["difference"].items() if key not in "ab"}
        others = ("a", "b", "restraint")
        assert {key: value for key, value in found["gains"]["tuned"].items() if key not in others} == gain
        for own, theirs in zip(found["arms"].values(), scores["scores"], strict=True):
            assert {key: own[key] for key in ("wellformed", "api_match", "correct", "tools")} == {
                key: theirs[key] for key in ("wellformed", "api_match", "correct", "tools")
            }
        assert found["decision"] == "adopt"


def test_replies_to_questions_of_bfcl_are_labelled_by_its_rules(evaluated, tmp_path) -> None:
    question = {
        "id": "q{}", "question": [[{"role": "user", "content": "Double it."}]],
        "function": [{"name": "double", "parameters": {"type": "dict", "properties": {"n": {"type": "integer"}},
                                                       "required": ["n"]}}],
    }  # fmt: skip
    asked = [{**question, "id": f"q{n}"} for n in range(3)]
    answers = [{"id": f"q{n}", "ground_truth": [{"double": {"n": [n, n + 1]}}]} for n in range(3)]
    replies = [{"id": f"q{n}", "result": [{"double": {"n": given}}]} for n, given in enumerate([1, 9])]
    for name, lines in (("BFCL_v4_x.json", asked), ("answers_x.json", answers), ("a.jsonl", replies)):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    found = evaluated(
        data__replies={
            "use": "predictions", "arms": {"a": str(tmp_path / "a.jsonl")}, "gold": str(tmp_path / "BFCL_v4_x.json"),
        }
    )  # fmt: skip
    assert found["arms"]["a"]["correct"]["count"] == [1, 1]
    assert found["arms"]["a"]["malformed"] == 1
    assert "a: 1 reply missing, counted as wrong" in found["table"]


# -- what a person sees ----------------------------------------------------------------------------------------------


def test_the_table_and_the_decision_are_printed_by_run_and_by_show(made, run_ste, tmp_path) -> None:
    run = made(rows("baseline", counts(0, 1, 1, 2, 0, 1)), learnt(2, 3, 4, 4, 3, 3))
    out = tmp_path / "out"
    code, text, err = run_ste("run", "evaluate", "--set", f"data.replies.runs=[{run}]", "--out", out)
    assert code == 0
    table, details = last(out)["table"], last(out)["details"]
    assert f"\n\n{table}\n\n" in text
    assert details not in text
    assert run_ste("show", out) == (0, f"{table}\n\n{details}\n", "")
    assert "run: done, 1 record" in err
    code, text, _ = run_ste("run", "evaluate", "--set", f"data.replies.runs=[{run}]", "--out", out, "--format", "json")
    (decided,) = json.loads(text)["evaluations"]
    assert (decided["decision"], decided["candidate"]) == ("adopt", "exemplars")
    assert json.loads(run_ste("show", out, "--format", "json")[1])[0]["decision"] == "adopt"
    lines = table.splitlines()
    assert lines[0] == (
        "2 arms on the same 24 cases of 6 tools; correct: the mean over tools; intervals: 95 %, these tools"
    )
    assert lines[2].split("  ")[0] == "arm"
    assert lines[3].split() == ["baseline", "20.8", "7.1..42.2", "-", "-", "-"]
    assert lines[4].split() == ["exemplars", "79.2", "57.8..92.9", "+58.3", "+30.8..+73.9", "0.0003"]
    assert lines[-1].startswith("adopt: `exemplars` gains +58.3 (95 % ")
    more = details.splitlines()
    assert more[1].split()[:4] == ["baseline", "100.0", "100.0", "20.8"]
    assert more[4] == "gain of `correct` over `baseline`, in points, paired by tool:"
    assert more[5].startswith("  exemplars  +58.3 (95 % +")
    assert more[5].endswith("; 14 cases won, 0 lost")
    assert "tool_C                   4      25.0      100.0" in more


def test_an_evaluation_that_is_a_part_of_a_run_is_shown_with_it(made, run_ste, tmp_path) -> None:
    run = made(rows("baseline", counts(0, 1, 1, 2, 0, 1)), learnt(2, 3, 4, 4, 3, 3))
    whole = tmp_path / "whole.yaml"
    whole.write_text(
        "dsl: 2\nname: whole\nnodes: {say: {use: chat, model: m, prompt: say.md, outputs: {word: str}}}\n"
        "models: {m: {use: simulated}}\n"
        f"graph:\n  - run: evaluate\n    with: {{data.replies.runs: ['\"{run}\"']}}\n"
        "  - when: evaluate.result.decision == 'keep'\n    do: [say]\n",
        "utf-8",
    )
    (tmp_path / "say.md").write_text("Say.", "utf-8")
    code, text, _ = run_ste("run", whole, "--out", tmp_path / "out")
    found = last(tmp_path / "out" / "runs" / "evaluate")
    assert (code, f"\n\n{found['table']}\n\n" in text) == (0, True)
    assert run_ste("show", tmp_path / "out") == (0, f"{found['table']}\n\n{found['details']}\n", "")
    assert ste.open_run(tmp_path / "out").summary().used.model_calls == 0


def test_rows_of_a_file_are_replies_too_and_are_checked_like_them(evaluated, tmp_path) -> None:
    replies = [*rows("first", counts(*[0] * 6)), *rows("second", counts(2, 2, 2, 2, 2, 3), subject=OF_X)]
    for item in replies:
        del item["id"]
    file = tmp_path / "replies.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in replies), "utf-8")
    found = evaluated(data__replies={"use": "rows", "path": str(file)})
    assert (found["baseline"], found["decision"], found["adopted"]) == ("first", "adopt", OF_X)
    file.write_text("".join(json.dumps(item) + "\n" for item in replies[1:]), "utf-8")
    summary = ste.load("evaluate", set={"data.replies": {"use": "rows", "path": str(file)}}).run(tmp_path / "lacking")
    assert "arm `first` lacks 1 of the 24 cases, such as tool_A: 'tool_A 0'" in summary.failed["run"]
    file.write_text("", "utf-8")
    summary = ste.load("evaluate", set={"data.replies": {"use": "rows", "path": str(file)}}).run(tmp_path / "none")
    assert summary.failed["run"].endswith("the replies: no replies found")


def test_what_a_simulated_model_replied_is_labelled(made, evaluated) -> None:
    found = evaluated(made(rows("baseline", counts(1, 1), model="simulated")))
    assert found["simulated"] is True
    assert "simulated: this shows that the plumbing works, and nothing about a real model" in found["table"]


def test_without_a_judge_no_model_is_asked(made, tmp_path) -> None:
    run = made(rows("baseline", counts(1)))
    loaded = ste.load("evaluate", set={"data.replies.runs": [str(run)], "models.judge.base_url": "http://127.0.0.1:9"})
    assert loaded.plan().to_json()["total"]["model_calls"] == 0
    assert loaded.run(tmp_path / "out").complete


def test_a_reader_that_is_none_is_refused_before_the_run() -> None:
    with pytest.raises(WorkflowError, match="parser"):
        ste.load("evaluate", set={"nodes.evaluate.parser": "tolerent"})
