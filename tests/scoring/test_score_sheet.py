from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.errors import WorkflowError
from ste_graph.protocols.form import Parser
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.difference import difference
from ste_graph.scoring.label import label_output
from ste_graph.scoring.predictions import Predictions
from ste_graph.scoring.proportion import Proportion
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.score_sheet import ScoreSheet, score_predictions
from ste_graph.stats import Interval, NoInterval

TOOLS = [f"tool_{letter}" for letter in "ABCDEFG"]


def call(tool: str, **arguments: object) -> str:
    return f"Action: {tool}\nAction Input: {json.dumps(arguments)}"


def reply(tool: str, query: str, arguments: dict[str, object], output: str | None) -> ArmReply:
    return ArmReply(arm="p", query=query, gold=GoldCall(tool=tool, arguments=arguments), output=output)


def score(
    outputs: dict[str, list[str | None]], arguments: dict[str, object] | None = None, source: str = "p"
) -> ScoreSheet:
    own = {
        tool: tuple(reply(tool, f"{tool} {n}", arguments or {}, output) for n, output in enumerate(given))
        for tool, given in outputs.items()
    }
    return score_predictions(Predictions(source, source, own))


def hits(counts: list[int], of: int = 4, source: str = "p") -> ScoreSheet:
    """A score in which each tool has so many right replies."""
    return score(
        {tool: [call(tool)] * count + ["no idea"] * (of - count) for tool, count in zip(TOOLS, counts, strict=False)},
        source=source,
    )


def test_the_papers_three_figures():
    sheet = score({"a": [call("a"), call("b"), "nothing"], "b": [call("b"), "Final Answer: 4", None]})
    assert (str(sheet.wellformedness), str(sheet.api_match), str(sheet.correctness)) == ("50.0", "66.7", "33.3")
    assert [(own.no_call, own.err) for own in sheet.by_tool["b"]] == [(False, False), (True, False), (False, True)]


def test_the_counts_behind_the_figures():
    sheet = score(
        {"a": [call("a", x=1), call("a", x=1, y=2, z=3), call("a", x=2), 'Action: a\nAction Input: {"x": 1,}']},
        {"x": 1},
    )
    assert (str(sheet.correctness), str(sheet.strict_correctness)) == ("75.0", "50.0")
    assert (str(sheet.correctness_with_arguments), str(sheet.correctness_without_arguments)) == ("75.0", "-")
    assert sheet.extra_arguments == {"a.y": 1, "a.z": 1}
    assert (sheet.repaired_count, sheet.repairs) == (1, {"trailing comma": 1})


def test_confusion_counts_the_gold_tool_and_the_called_one():
    assert score({"a": [call("b"), call("b"), call("a")], "b": []}).confusion == {("a", "b"): 2}


def test_below_six_tools_there_is_no_interval_for_tools_like_these_but_the_reason(ste, written):
    own, beyond = hits([1, 2, 3, 4, 0]).intervals(lambda replies: Proportion(1, 1, 2))
    assert isinstance(own, Interval)
    assert isinstance(beyond, NoInterval)
    assert beyond.reason == "too few cases to tell: 5 tools, at least 6 are needed"
    file = written("p.json", {"a": [{"query": "x", "action_input": "{}", "model_output": call("a")}]})
    result = ste("score", file)
    assert "too few cases to tell: 1 tool, at least 6 are needed" in result.out


def test_an_arm_against_itself_gains_nothing():
    gain = difference(hits([1, 2, 3, 4, 0, 2]), hits([1, 2, 3, 4, 0, 2]))
    assert gain.least == gain.most
    assert gain.least.low == -gain.least.high < 0 == gain.least.mean


def test_the_gain_of_an_arm_is_paired_by_tool():
    gain = difference(hits([0, 1, 2, 3, 0, 1, 2]), hits([2, 3, 3, 4, 2, 3, 4]))
    assert gain.least.mean == pytest.approx(12 / 28)
    assert 0.2 < gain.least.low < gain.least.mean < gain.least.high < 0.65
    assert gain.least == gain.most


def test_arms_with_other_cases_cannot_be_compared():
    with pytest.raises(WorkflowError) as error:
        difference(hits([1] * 6), hits([1] * 6, of=5))
    assert str(error.value) == (
        "tool_A: 1 request found in only one of the two files, such as 'tool_A 4'; "
        "a paired difference needs the same cases (score both against one test with --gold)"
    )


def test_calls_that_nobody_judged_bound_the_gain_and_the_same_call_in_both_arms_makes_none():
    def arm(*given: str) -> ScoreSheet:
        own = tuple(reply("search", f"request {n}", {"q": "a"}, call("search", q=q)) for n, q in enumerate(given))
        return score_predictions(Predictions("p", "p", {"search": own}))

    gain = difference(arm("b", "b", "a"), arm("b", "a", "c"))
    assert (gain.least.mean, gain.most.mean) == pytest.approx((-1 / 3, 1 / 3))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=7))
def test_the_counts_of_the_tools_make_up_those_of_the_whole(counts):
    found = hits(counts).to_json()
    tools = found["tools"].values()
    assert sum(tool["correct"]["count"][0] for tool in tools) == found["correct"]["count"][0] == sum(counts)
    assert sum(tool["cases"] for tool in tools) == found["cases"]
    assert json.loads(json.dumps(found)) == found


def test_two_files_are_compared_on_the_command_line(written, ste):
    def file(name: str, counts: list[int]):
        return written(
            name,
            {
                tool: [
                    {"query": f"{n}", "action_input": "{}", "model_output": call(tool) if n < count else "no"}
                    for n in range(2)
                ]
                for tool, count in zip(TOOLS, counts, strict=False)
            },
        )

    a, b = file("a.json", [0, 0, 0, 1, 1, 1]), file("b.json", [1, 2, 2, 1, 2, 2])
    result = ste("score", a, b)
    assert result.code == 0, result.err
    last = result.out.splitlines()[-1]
    assert last.startswith(f"correct, {b} minus {a}, in points over the same tools: +58.3 (95 % +")
    found = json.loads(ste("score", a, b, "--format", "json").out)
    assert found["difference"]["least"]["mean"] == pytest.approx(7 / 12)
    assert [item["cases"] for item in found["scores"]] == [12, 12]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "ste score: give one file of predictions, or two to compare; got 0"),
        (["a", "b", "c"], "ste score: give one file of predictions, or two to compare; got 3"),
        (["a", "b", "--items", "x"], "ste score: --items goes with one file of predictions"),
        (
            ["a", "--paper", "x"],
            "ste score: --paper reads its files from the checkout; give neither others nor --items",
        ),
        (
            ["a", "--answers", "x"],
            "ste score: --answers goes with a --gold that holds questions of BFCL, one a line",
        ),
    ],
)
def test_a_wrong_command_line_is_explained(arguments, message, ste):
    result = ste("score", *arguments)
    assert (result.code, result.err) == (2, message + "\n")


@given(
    st.text() | st.lists(st.sampled_from(["Action:", "Action Input:", "{", '"a"', ":", "1", "}", "\n"])).map("".join)
)
def test_no_reply_raises_and_each_has_its_four_labels(output):
    for parser in Parser:
        rules = LabelRules(parser=parser, exact_names=False)
        found = label_output(GoldCall(tool="a", arguments={"a": 1}), output, ["a", "b"], rules)
        assert reply("a", "x", {"a": 1}, output).label_by(rules, ["a", "b"]).is_correct in (True, False)
        assert (found.api_match is None) == (found.err or found.no_call)
        assert (found.args_correct is None) == (not found.api_match)


def test_verdicts_that_are_not_there_are_refused(ste, tmp_path):
    result = ste("score", "a", "--verdicts", tmp_path / "none")
    assert (result.code, result.err) == (2, f"{tmp_path / 'none'}: file not found\n")


def test_a_file_is_read_in_the_form_that_was_asked_for(written, ste):
    call = json.dumps({"action": "a", "arguments": {"x": 1}})
    file = written("r.json", {"a": [{"query": "q", "action_input": {"x": 1}, "model_output": call}]})
    assert "1 call as JSON" in ste("score", file).out
    assert "repaired to be read" not in ste("score", file, "--protocol", "json").out
    wrong = ste("score", file, "--protocol", "xml")
    assert wrong.code == 2
    assert "'react', 'native', 'json'" in wrong.err


def test_a_score_as_text(written, ste):
    items = [
        {"query": "1", "action_input": '{"q": "a"}', "model_output": call("search", q="b")},
        {"query": "2", "action_input": "{}", "model_output": call("add", n=1)},
        {"query": "3", "action_input": "{}"},
    ]
    file = written("p.json", {"search": items, "add": []})
    result = ste("score", file)
    assert result.code == 0
    assert result.out.splitlines() == [
        f"{file}, read by the tolerant parser: 3 cases of 2 tools, against the gold calls in it",
        "",
        "                                                                     %  of"
        "     95 %, these tools       tools like these",
        "well-formed                                                       66.7   3"
        "             9.4..99.2  too few cases to tell",
        "API match of well-formed                                          50.0   2"
        "             1.3..98.7  too few cases to tell",
        "correct                                                      0.0..33.3   3"
        "  0.0..70.8; 0.8..90.6  too few cases to tell",
        "  without extra arguments                                    0.0..33.3   3",
        "  where the gold call has arguments                         0.0..100.0   1",
        "  where it has none                                                0.0   2",
        "arguments right, of calls to the right tool that need some  0.0..100.0   1",
        "",
        "well-formed, API match of well-formed, correct: tools like these: "
        "too few cases to tell: 1 tool, at least 6 are needed",
        "1 of the calls can only be judged: wrong in the lower bound, right in the upper",
        "of the replies, 0 make no call, 1 cannot be read",
        "",
        "tool    cases  well-formed  API match    correct  extra arguments  repaired",
        "search      3         66.7       50.0  0.0..33.3                0         0",
        "add         0            -          -          -                0         0  no case",
        "",
        "called instead of:",
        "     1  add instead of search",
        "",
        "2 problems in the predictions:",
        "  search #2: there is no `model_output`; it counts as wrong",
        "  add: no case",
    ]
