"""Effects of arms: paired by tool and seed, with intervals, and corrected for the number of arms."""

from collections.abc import Callable

import numpy as np
import pytest

from ste_graph.lab.conduct import Conduct, find_inequalities
from ste_graph.lab.effects import Values, estimate_effects, estimate_factor_effects, estimate_mean
from ste_graph.lab.measures import MEASURES, Explored, Value
from ste_graph.stats import gain_interval, proportion_interval, rates_p_value

TOOLS = [f"tool{number}" for number in range(12)]


def values(mean: Callable[[int, int], float], seeds: int = 2, items: int = 9) -> Values:
    return {(tool, seed): Value(mean(at, seed), items) for at, tool in enumerate(TOOLS) for seed in range(seeds)}


def test_an_effect_is_that_of_part_7s_interval_over_the_paired_explorations() -> None:
    base, arm = values(lambda tool, seed: 4 / 9), values(lambda tool, seed: (4 + tool % 3) / 9)
    effect = estimate_effects(base, {"arm": arm})["arm"]
    gains = [(tool % 3) / 9 for tool in range(12)]
    expected = gain_interval(
        [2 * gain for gain in gains], [0.0] * 12, [2] * 12, squares=[2 * gain**2 for gain in gains], replies=9
    )
    assert (effect.interval.low, effect.interval.high) == pytest.approx((expected.low, expected.high))
    assert effect.interval.mean == pytest.approx(1 / 9)
    assert effect.interval.n == 24


def test_an_arm_that_changes_nothing_has_no_effect_and_a_width() -> None:
    base = values(lambda tool, seed: 0.5)
    effect = estimate_effects(base, {"same": base})["same"]
    assert effect.interval.low < 0 == effect.interval.mean < effect.interval.high
    assert not effect.is_shown


def test_many_arms_need_more_evidence_each() -> None:
    base = values(lambda tool, seed: 0.5)
    better = values(lambda tool, seed: 0.5 + 0.34 * (tool % 3 == 0))
    alone = estimate_effects(base, {"better": better})["better"]
    among = estimate_effects(base, {"better": better, **{f"arm{n}": base for n in range(9)}})["better"]
    assert alone.interval == among.interval
    assert among.p_value == pytest.approx(min(10 * alone.p_value, 1))
    assert alone.is_shown
    assert not among.is_shown


def test_what_only_one_arm_measures_is_not_compared() -> None:
    base = values(lambda tool, seed: 0.5)
    part = {case: value if case[0] in TOOLS[:3] else None for case, value in base.items()}
    assert estimate_effects(base, {"part": part})["part"].interval.n == 6
    assert estimate_effects(base, {"none": dict.fromkeys(base)}) == {}
    assert estimate_mean(dict.fromkeys(base)) is None


def test_a_mean_knows_that_the_trials_of_an_exploration_are_more_than_one_case() -> None:
    alike, unlike = (values(lambda tool, seed: 0.5, items=items) for items in (9, 1))
    nine, one = estimate_mean(alike), estimate_mean(unlike)
    assert nine is not None
    assert one is not None
    assert one.high - one.low > 1.5 * (nine.high - nine.low)
    assert (one.low, one.high) == pytest.approx(
        (proportion_interval([1.0] * 12, [2] * 12).low, proportion_interval([1.0] * 12, [2] * 12).high)
    )


def test_main_effects_are_means_over_the_combinations_of_the_others() -> None:
    arms = {
        frozenset[str](): values(lambda tool, seed: 0.2),
        frozenset({"a"}): values(lambda tool, seed: 0.4),
        frozenset({"b"}): values(lambda tool, seed: 0.3),
        frozenset({"a", "b"}): values(lambda tool, seed: 0.9),
    }
    found = estimate_factor_effects(arms, ["a", "b"])
    assert found["a"].interval.mean == pytest.approx((0.2 + 0.6) / 2)
    assert found["b"].interval.mean == pytest.approx((0.1 + 0.5) / 2)


def test_the_interval_of_an_effect_holds_the_true_one_where_trials_of_an_exploration_depend_on_one_another() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        p = np.clip(rng.normal(0.7, 0.15, 12), 0.05, 0.9)
        draws = []
        for shift in (0.0, 0.08):
            rate = rng.beta((p + shift)[:, None] * 1.5, (1 - p - shift)[:, None] * 1.5, (12, 2))
            draws.append(rng.binomial(9, rate) / 9)
        base, arm = (values(lambda tool, seed, own=own: float(own[tool, seed])) for own in draws)
        interval = estimate_effects(base, {"arm": arm})["arm"].interval
        held += interval.low <= 0.08 <= interval.high
    assert held / 400 >= 0.93


def test_rates_are_equal_or_not_for_the_chances_that_each_arm_had() -> None:
    assert rates_p_value(10, 100, 20, 200) == pytest.approx(1, abs=0.05)
    assert rates_p_value(0, 100, 20, 100) < 0.001
    assert rates_p_value(20, 100, 0, 100) == pytest.approx(rates_p_value(0, 100, 20, 100))
    assert rates_p_value(0, 100, 0, 100) == rates_p_value(0, 0, 5, 10) == 1
    with pytest.raises(ValueError, match="not negative"):
        rates_p_value(-1, 1, 0, 1)


def test_unequal_faults_of_arms_are_found_and_equal_ones_are_not() -> None:
    base, other = Conduct(), Conduct()
    for conduct, truncated, ends in ((base, 2, 3), (other, 40, 3)):
        conduct.used.model_calls = 500
        conduct.used.truncated = truncated
        conduct.retries["timeout"] = 5
        conduct.loops.update({("try", "until"): 100 - ends, ("try", "at_most"): ends, ("trial", "times"): 9})
    (found,) = find_inequalities(base, other)
    assert found.what == "truncated replies"
    assert (found.base, found.other) == (0.004, 0.08)
    assert [what for what, _, _ in base.rates()][-1] == "loop `try` ended by at_most"


def trial(query: str, *calls: tuple[int, bool], solved: bool | None = True) -> dict[str, object]:
    steps = [
        {
            "action": "double",
            "arguments": {"number": number},
            "observation": {"ok": ok, "kind": "ok" if ok else "tool_error", "text": str(2 * number)},
        }
        for number, ok in calls
    ]
    return {
        "id": query,
        "query": query,
        "steps": steps,
        "answer": "done",
        "solved": solved,
        "call_succeeded": any(ok for _, ok in calls),
    }


SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "loud": {"type": "boolean"}},
    "required": ["number"],
}


def test_measures_count_what_they_say() -> None:
    trials = [
        trial("double 2", (2, True)),
        trial("double 2 again", (2, True), solved=False),
        trial("double 7", (8, True)),  # succeeded, but nobody asked for 8
        trial("double 5", (5, False), solved=None),
    ]
    tools = {"double": {"name": "double", "parameters": SCHEMA, "description": "Double a number."}}
    found = {measure.name: measure.value(Explored(trials, tools, "double")) for measure in MEASURES}
    assert found["solved"] == (0.5, 4)
    assert found["call_succeeded"] == (0.75, 4)
    assert found["kept"] == (0.5, 4)
    assert found["distinct_calls"] == (0.75, 4)
    assert found["coverage"] == (0.25, 4)  # of `number`, `loud` and its two values
    spread = found["spread"]
    assert spread is not None
    assert 0 < spread.mean < 1


def test_a_unit_without_verdicts_or_trials_has_nothing_to_measure() -> None:
    tools = {"double": {"name": "double", "parameters": SCHEMA, "description": ""}}
    silent = Explored([trial("double 2", (2, True), solved=None)], tools, "double")
    assert MEASURES[0].value(silent) is None
    assert [measure.value(Explored([], tools, "double")) for measure in MEASURES] == [None] * 6


def test_a_unit_that_is_no_tool_is_filtered_by_the_tool_that_was_called() -> None:
    tools = {"double": {"name": "double", "parameters": SCHEMA, "description": ""}}
    kept = next(measure for measure in MEASURES if measure.name == "kept")
    assert kept.value(Explored([trial("double 2", (2, True))], tools, "unit")) == (1.0, 1)
