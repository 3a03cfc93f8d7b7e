"""The referee: several replies a case, restraint, costs, and the cheapest form that gains for sure."""

from __future__ import annotations

from typing import Any

import pytest

from ste_graph.cli.text.forecast import power_at
from ste_graph.models.prices import Prices
from tests.planted_forms import CANDIDATES, World

from .conftest import OF_X, call, counts, row, rows

MANY = counts(*[1] * 8)
ALL = counts(*[4] * 8)


def cost(tokens: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": tokens, "completion_tokens": 20, "seconds": 1.5, **more}


def of(form: str) -> dict[str, Any]:
    return {"kind": "forms", "forms": {form: {"run_id": "run-x", "run": "runs/x"}}}


def test_of_those_that_gain_the_cheapest_is_adopted_though_another_gains_more(made, evaluated) -> None:
    found = evaluated(
        made(
            rows("baseline", MANY, cost=cost(500)),
            rows("exemplars", ALL, subject=of("exemplars"), cost=cost(1500)),
            rows("lessons", counts(*[3] * 8), subject=of("lessons"), cost=cost(600)),
            rows("guideline", MANY, subject=of("guideline"), cost=cost(550)),
        )
    )
    assert (found["decision"], found["candidate"], found["adopted"]) == ("adopt", "lessons", of("lessons"))
    assert (
        "it is the cheapest, with +100 prompt tokens a case (`exemplars` +1,000 tokens for +75.0 points)"
        in (found["reason"])
    )
    assert found["reason"].endswith("Not taken: `guideline` (+0.0): not shown to gain")
    assert found["candidates"]["exemplars"]["gain_per_1000_tokens"] == pytest.approx(0.75)
    assert found["candidates"]["guideline"]["obstacle"] == "no gain"


def test_an_arm_that_had_nothing_to_show_is_no_candidate_however_much_it_gains(made, evaluated) -> None:
    found = evaluated(
        made(
            rows("baseline", MANY, cost=cost(500)),
            rows("exemplars", ALL, subject=of("exemplars"), cost=cost(500)),
            rows("lessons", counts(*[3] * 8), subject=of("lessons"), cost=cost(600), shown_tokens=100),
        )
    )
    assert (found["candidate"], found["adopted"], [*found["candidates"]]) == ("lessons", of("lessons"), ["lessons"])
    assert "No candidates: `exemplars`, which had nothing to show in any case" in found["reason"]


def test_a_trained_model_is_dearer_than_every_prompt_and_is_adopted_where_it_alone_gains(made, evaluated) -> None:
    model = {"kind": "model", "path": "/trained", "digest": "d"}
    base, short = rows("baseline", MANY, cost=cost(500)), rows("lora", ALL, subject=model, cost=cost(50))
    long = rows("exemplars", counts(*[3] * 8), subject=of("exemplars"), cost=cost(1500))
    found = evaluated(made(base, short, long))
    assert (found["decision"], found["candidate"]) == ("adopt", "exemplars")
    assert "a training, as of `lora`, counts as dearer than any prompt" in found["reason"]
    found = evaluated(made(base, short, name="alone"), out="alone-evaluation")
    assert (found["decision"], found["adopted"]) == ("adopt", model)


def test_where_tokens_are_not_known_the_one_that_gains_most_is_taken(made, evaluated) -> None:
    arms = [rows("exemplars", ALL, subject=OF_X), rows("lessons", counts(*[3] * 8), subject=of("lessons"))]
    found = evaluated(made(rows("baseline", MANY), *arms))
    assert found["candidate"] == "exemplars"
    assert "as their tokens are not known" in found["reason"]


def restraint(arm: str, right: int, of: int = 12, **more: Any) -> list[dict[str, Any]]:
    """Cases in which no call is right, and replies that see it in so many."""
    return [
        row(arm, f"tool_{'ABCD'[n % 4]}", 100 + n, "No tool can do this." if n < right else call("tool_A"), kind="none",
            **more)
        for n in range(of)
    ]  # fmt: skip


def test_a_form_that_calls_where_no_call_is_right_is_not_adopted_however_much_it_gains(made, evaluated) -> None:
    base = [*rows("baseline", MANY), *restraint("baseline", 11)]
    rash = [*rows("exemplars", ALL, subject=OF_X), *restraint("exemplars", 1, subject=OF_X)]
    found = evaluated(made(base, rash))
    assert (found["decision"], found["adopted"]) == ("keep", None)
    assert "where no call is right, it does worse (-83.3 (95 % " in found["reason"]
    assert found["arms"]["exemplars"]["restraint"]["count"] == [1, 1]
    assert found["arms"]["exemplars"]["cases"] == 32, "these cases are no part of the other figures"
    calm = [*rows("lessons", ALL, subject=of("lessons")), *restraint("lessons", 10, subject=of("lessons"))]
    assert evaluated(made(base, calm, name="calm"), out="calm-evaluation")["decision"] == "adopt"


@pytest.mark.parametrize(
    ("kind", "output", "right"),
    [
        ("none", "I have no tool that can do this.", True),
        ("none", "Final Answer: it is 12.", True),
        ("ask", "Which currency do you want?", True),
        ("ask", "Final Answer: Please tell me the width.", True),
        ("ask", "I cannot do that.", False),
        ("none", call("tool_A", n=1), False),
        ("ask", call("tool_B"), False),
        ("none", '{"action": "tool_A", "arguments": {"n": ', False),
        ("ask", "What? [TOOL_CALLS] tool_A", False),
        ("none", None, False),
    ],
)
def test_restraint_is_no_call_and_where_a_value_is_missing_a_question(
    kind: str, output: str | None, right: bool, made, evaluated
) -> None:
    found = evaluated(made(rows("baseline", MANY), [row("baseline", "tool_A", 99, output, kind=kind)]))
    assert found["arms"]["baseline"]["restraint"]["count"] == [int(right)] * 2
    assert found["arms"]["baseline"]["restraint"]["kinds"][kind]["of"] == 1


def test_several_replies_a_case_count_by_their_mean_and_their_agreement_is_shown(made, evaluated) -> None:
    def replies(arm: str, right: int, **more: Any) -> list[dict[str, Any]]:
        """Three replies to each of twelve cases of four tools, of which so many are right."""
        return [
            row(arm, f"tool_{tool}", case, call(f"tool_{tool}", n=case if n < right else 99), n=n, **more)
            for tool in "ABCD" for case in range(3) for n in range(3)
        ]  # fmt: skip

    found = evaluated(made(replies("baseline", 1), replies("exemplars", 2, subject=OF_X)))
    base, new = found["arms"]["baseline"], found["arms"]["exemplars"]
    assert (base["cases"], base["replies"], new["correct"]["lower"]) == (12, 36, pytest.approx(2 / 3))
    assert (new["always_correct"]["k"], new["always_correct"]["count"], new["always_correct"]["of"]) == (3, [0, 0], 12)
    assert found["interval"]["mean"] == pytest.approx(1 / 3)
    assert found["interval"]["cases"] == 12, "the cases are the sample, not the replies"
    single = evaluated(
        made(*([item for item in own if item["n"] == 1] for own in (replies("baseline", 1), replies("exemplars", 2))),
             name="single"), out="single-evaluation",
    )  # fmt: skip
    assert "3 replies a case" in found["table"]
    assert "all 3 right" in found["table"]
    assert "all 3 right" not in single["table"]


def test_an_arm_without_its_third_reply_cannot_be_compared(made, evaluated) -> None:
    both = [rows("baseline", MANY), [{**item, "n": 1, "id": f"{item['id']}b"} for item in rows("baseline", MANY)]]
    with pytest.raises(Exception, match=r"arm `exemplars` lacks 32 of the 64 replies, such as tool_A: .* \(reply 1\)"):
        evaluated(made(*both, rows("exemplars", ALL, subject=OF_X)))


def test_arms_that_were_cut_short_unequally_often_are_flagged_in_the_reasons(made, evaluated) -> None:
    cut = [
        {**item, "cost": cost(900, truncated=n % 2 == 0)} for n, item in enumerate(rows("exemplars", ALL, subject=OF_X))
    ]
    found = evaluated(made(rows("baseline", MANY, cost=cost(500)), cut))
    assert found["arms"]["exemplars"]["cost"]["truncated"] == 0.5
    assert (
        "Beware, `exemplars` and `baseline` were not treated alike: 50.0 % against 0.0 % of 32 replies were cut short"
        in found["reason"]
    )


def test_the_price_of_a_case_is_shown_where_prices_are_given(made, evaluated) -> None:
    run = made(rows("baseline", MANY, cost=cost(1000)), rows("exemplars", ALL, subject=OF_X, cost=cost(3000)))
    found = evaluated(run, params__prices={"input": 0.5, "output": 2.0, "currency": "EUR"})
    assert Prices(input=0.5, output=2.0).price(1000, 20) == pytest.approx(0.00054)
    assert found["arms"]["baseline"]["cost"]["price"] == {"per_case": pytest.approx(0.00054), "currency": "EUR"}
    assert "EUR per 1,000 cases" in found["table"]
    assert "EUR" not in evaluated(run, out="free")["table"]


def test_in_a_planted_world_the_form_that_helps_is_adopted_as_often_as_the_plan_says_and_else_none() -> None:
    """A short form of `python -m tests.bench referee`, which has all forms and 200 seeds."""
    seeds = range(12)
    adopted = [World("lessons").decide(seed) for seed in seeds]
    power = power_at(0.2, 60, len(CANDIDATES))
    right = sum(found.choice == "adopt" and found.candidate == "lessons" for found in adopted)
    assert right / len(seeds) >= power - 0.3, "twelve worlds are few"
    assert sum(World().decide(seed).choice == "adopt" for seed in seeds) <= 2
