"""The shares of intervals that hold the true value, and of wrong decisions: seed 0, `REPETITIONS` a row.

For gains with the same number of cases for each tool, coverage is summed over all outcomes, not simulated: tools that
differ make it higher. `BENCH_REPETITIONS` sets another number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
from scipy.special import gammaln, xlogy

from ste_graph.scoring.candidate import find_harmed, leave_harmed
from ste_graph.scoring.difference import PairedCases, gain_over_tools
from ste_graph.stats import Interval, gain, gain_interval, gain_power, proportion_interval, tools_interval

REPETITIONS = int(os.environ.get("BENCH_REPETITIONS", "20000"))
FEW = max(REPETITIONS // 20, 200)
"""Repetitions of what takes a hundred times as long."""

UNEVEN = {
    "3 and 30 in turn": lambda tools: [3 if number % 2 else 30 for number in range(tools)],
    "one with 3, the others 30": lambda tools: [3] + [30] * (tools - 1),
    "one with 30, the others 3": lambda tools: [30] + [3] * (tools - 1),
    "4 and 8 in turn": lambda tools: [4 if number % 2 else 8 for number in range(tools)],
}
DIFFICULTIES = {
    "easy and hard ones": lambda random, size: np.where(
        random.random(size) < 0.7, random.beta(9, 1, size), random.beta(1, 9, size)
    ),
    "always or never": lambda random, size: (random.random(size) < 0.7).astype(float),
    "all alike": lambda random, size: np.full(size, 0.7),
    "of all kinds": lambda random, size: random.beta(2, 1, size),
}
"""The chance of a right reply, by case: from replies that always agree to such that agree by chance alone."""
DISTRIBUTIONS = {
    "Beta(5, 2)": (lambda random, size: random.beta(5, 2, size), 5 / 7),
    "Beta(8, 1)": (lambda random, size: random.beta(8, 1, size), 8 / 9),
    "half at 1, else Beta(2, 2)": (
        lambda random, size: np.where(random.random(size) < 0.5, 1, random.beta(2, 2, size)), 0.75),
    "85 % at 1, else Beta(2, 2)": (
        lambda random, size: np.where(random.random(size) < 0.85, 1, random.beta(2, 2, size)), 0.925),
}  # fmt: skip


def main() -> None:
    """Print every table."""
    print(f"  {REPETITIONS:,} repetitions a row ({FEW:,} for tools like these), seed 0")
    equal_gains()
    uneven_gains()
    repeated_gains()
    proportions()
    explorations()
    like_these()
    decisions()


def worlds() -> Iterator[tuple[float, float, float]]:
    """The true gain, and the shares of cases won and lost, for accuracies from 0.5 to 1 and gains up to 20 points."""
    for accuracy in (0.5, 0.7, 0.9, 1.0):
        for change in (-0.2, -0.1, 0.0, 0.1, 0.2):
            for correlation in (0.0, 0.5):
                if accuracy + change <= 1:
                    yield change, *split(accuracy, change, correlation)


def split(accuracy: float, change: float, correlation: float) -> tuple[float, float]:
    """The shares of cases won and lost."""
    after = min(max(accuracy + change, 0.0), 1.0)
    both = accuracy * after + correlation * np.sqrt(accuracy * (1 - accuracy) * after * (1 - after))
    both = min(max(both, accuracy + after - 1, 0.0), accuracy, after)
    return after - both, accuracy - both


def equal_gains() -> None:
    print("  gain, these tools, as many cases for each tool (exact): least coverage; mean and largest width / Tango's")
    for cases in (3, 5, 8, 12, 18, 30, 60, 100):
        won, lost = (counts.astype(int) for counts in np.indices((cases + 1, cases + 1)).reshape(2, -1))
        won, lost = won[won + lost <= cases], lost[won + lost <= cases]
        found = [gain_interval([a], [b], [cases]) for a, b in zip(won, lost, strict=True)]
        with patch.object(gain, "ADDED", 1e-9):
            plain = [gain_interval([a], [b], [cases]) for a, b in zip(won, lost, strict=True)]
        low, high = np.array([each.low for each in found]), np.array([each.high for each in found])
        width, tango = high - low, np.array([each.high - each.low for each in plain])
        ways = gammaln(cases + 1) - gammaln(won + 1) - gammaln(lost + 1) - gammaln(cases - won - lost + 1)
        held, ratios = [], []
        for true, win, lose in worlds():
            chance = np.exp(
                ways + xlogy(won, win) + xlogy(lost, lose) + xlogy(cases - won - lost, max(1 - win - lose, 0))
            )
            held.append(chance[(low - 1e-9 <= true) & (true <= high + 1e-9)].sum())
            ratios.append((width * chance).sum() / (tango * chance).sum())
        print(f"    {cases:>4} cases in all   {min(held):.3f}   {np.mean(ratios):.2f}  {max(ratios):.2f}")


def uneven_gains() -> None:
    print("  gain, these tools, uneven numbers of cases: least coverage over worlds, also with all change in few tools")
    random = np.random.default_rng(0)
    for name, layout in UNEVEN.items():
        for tools in (2, 10, 50):
            cases = np.array(layout(tools))
            held = []
            for true, win, lose in ((0.0, 0.1, 0.1), (0.1, 0.2, 0.1), (0.05, 0.05, 0.0)):
                for few in (None, cases == cases.min(), cases == cases.max()):
                    share = tools / few.sum() if few is not None else 1.0
                    if (win + lose) * share > 1:
                        continue
                    shares = np.where(few, share, 0.0) if few is not None else np.ones(tools)
                    wins = random.binomial(cases, win * shares, (REPETITIONS // 4, tools))
                    left = np.clip(lose * shares / np.maximum(1 - win * shares, 1e-12), 0, 1)
                    losses = random.binomial(cases - wins, left)
                    found = [
                        gain_interval(a, b, cases.tolist()) for a, b in zip(wins.tolist(), losses.tolist(), strict=True)
                    ]
                    held.append(np.mean([each.low - 1e-9 <= true <= each.high + 1e-9 for each in found]))
            print(f"    {tools:>3} tools, {name:26} {min(held):.3f}")


def repeated_gains() -> None:
    print("  gain, these tools, several replies a case that agree by how hard it is: least coverage over worlds, width")
    random = np.random.default_rng(0)
    for tools, cases in ((1, 8), (1, 30), (10, 3), (10, 6)):
        for replies in (1, 3, 5):
            found = [
                coverage_of_repeated(random, kind, change, (tools, cases), replies)
                for kind in DIFFICULTIES
                for change in (0.0, 0.3, -0.2)
            ]
            held, widths = zip(*found, strict=True)
            size = f"{tools:>3} tools x {cases:>2} cases, {replies} replies"
            print(f"    {size}   {min(held):.3f}   {np.mean(widths):.2f}")


def coverage_of_repeated(
    random: np.random.Generator, kind: str, change: float, shape: tuple[int, int], replies: int
) -> tuple[float, float]:
    """The share of intervals that hold the true gain, and their mean width.

    Each case has a chance of a right reply of its own; the second arm helps or harms in a share `change` of them.
    """

    def play(repetitions: int, shape: tuple[int, int], replies: int) -> np.ndarray:
        before = DIFFICULTIES[kind](random, (repetitions, *shape))
        moved = (random.random(before.shape) < abs(change)) * random.beta(5, 1, before.shape)
        after = before + (1 - before) * moved if change >= 0 else before * (1 - moved)
        return (random.binomial(replies, after) - random.binomial(replies, before)) / replies

    true = play(2_000, (20, 50), 1).mean()
    gains = play(max(REPETITIONS // 10, 200), shape, replies)
    columns = (np.clip(gains, 0, None), np.clip(-gains, 0, None), gains**2)
    found = [
        gain_interval(won, lost, [shape[1]] * shape[0], squares=squares, replies=replies)
        for won, lost, squares in zip(*(column.sum(2).tolist() for column in columns), strict=True)
    ]
    held = np.mean([each.low - 1e-9 <= true <= each.high + 1e-9 for each in found])
    return float(held), float(np.mean([each.high - each.low for each in found]))


def proportions() -> None:
    print("  proportion, these tools: least coverage over accuracies 0.5 to 1")
    random = np.random.default_rng(0)
    for name, layout in {"6 each": lambda tools: [6] * tools, **UNEVEN}.items():
        for tools in (1, 10, 50):
            cases = layout(tools)
            held = []
            for accuracy in (0.5, 0.7, 0.9, 0.97, 1.0):
                counted = random.binomial(cases, accuracy, (REPETITIONS // 4, tools)).tolist()
                found = [proportion_interval(row, cases) for row in counted]
                held.append(np.mean([each.low <= accuracy <= each.high for each in found]))
            print(f"    {tools:>3} tools, {name:26} {min(held):.3f}")


def explorations() -> None:
    """Of an ablation: trials of one exploration depend on one another by its own luck, from not at all to much."""
    print("  explorations, these tools: least coverage and mean width, of the mean and of the paired difference")
    random = np.random.default_rng(0)
    for tools, seeds, trials in ((3, 1, 9), (3, 2, 9), (12, 1, 9), (12, 2, 4), (12, 2, 9), (12, 5, 9)):
        found = [
            coverage_of_explorations(random, (tools, seeds), trials, accuracy, change, dependence)
            for accuracy in (0.5, 0.8, 0.95)
            for change in (0.0, -0.1)
            for dependence in (0.0, 0.2, 0.6)
        ]
        mean, mean_width, gain, gain_width = zip(*found, strict=True)
        size = f"{tools:>3} tools x {seeds} seeds, {trials} trials"
        print(f"    {size}   {min(mean):.3f}  {np.mean(mean_width):.2f}   {min(gain):.3f}  {np.mean(gain_width):.2f}")


def coverage_of_explorations(
    random: np.random.Generator,
    shape: tuple[int, int],
    trials: int,
    accuracy: float,
    change: float,
    dependence: float,
) -> tuple[float, float, float, float]:
    """The shares of intervals of a mean and of a difference that hold the true ones, each with the mean width.

    Each tool has an accuracy of its own, and each exploration one that varies around it by `dependence`, the
    correlation of two of its trials.
    """
    tools, seeds = shape
    repetitions = max(REPETITIONS // 10, 200)

    def explore(rates: np.ndarray) -> np.ndarray:
        rates = np.broadcast_to(rates, (repetitions, tools, seeds))
        if dependence:
            strength = (1 - dependence) / dependence
            rates = random.beta(rates * strength, (1 - rates) * strength)
        return random.binomial(trials, rates) / trials

    rates = np.clip(accuracy + random.normal(0, 0.1, (repetitions, tools, 1)), 0.02, 0.98)
    after = np.clip(rates + change, 0.02, 0.98)
    base, arm = explore(rates), explore(after)
    true, true_gain = rates.mean((1, 2)), (after - rates).mean((1, 2))
    cases, gains = [seeds] * tools, arm - base
    means = [
        proportion_interval(counted, cases, squares=squares, replies=trials)
        for counted, squares in zip(base.sum(2).tolist(), (base**2).sum(2).tolist(), strict=True)
    ]
    columns = (np.clip(gains, 0, None), np.clip(-gains, 0, None), gains**2)
    differences = [
        gain_interval(won, lost, cases, squares=squares, replies=trials)
        for won, lost, squares in zip(*(column.sum(2).tolist() for column in columns), strict=True)
    ]
    figures = []
    for found, values in ((means, true), (differences, true_gain)):
        held = [each.low - 1e-9 <= value <= each.high + 1e-9 for each, value in zip(found, values, strict=True)]
        figures += [float(np.mean(held)), float(np.mean([each.high - each.low for each in found]))]
    return figures[0], figures[1], figures[2], figures[3]


def like_these() -> None:
    print("  mean, tools like these, 6 cases a tool: coverage, mean width")
    random = np.random.default_rng(0)
    for name, (draw, mean) in DISTRIBUTIONS.items():
        for tools in (6, 10, 20, 50):
            values = random.binomial(6, draw(random, (FEW, tools))) / 6
            found = [each for row in values.tolist() if isinstance(each := tools_interval(row, (0, 1)), Interval)]
            held = np.mean([each.low <= mean <= each.high for each in found])
            print(
                f"    {tools:>3} tools, {name:27} {held:.3f}  {np.mean([each.high - each.low for each in found]):.2f}"
            )


def decisions() -> None:
    print("  decisions, 10 tools x 6 cases, accuracy 0.7, correlation 0.5: share adopted")
    for change in (0.0, 0.1, 0.2):
        print(f"    true gain {100 * change:>3.0f} points (exact) {gain_power(change, 60, baseline=0.7):.3f}")
    for ruin in (0.5, 1.0):
        print(f"    one tool of ten loses {100 * ruin:.0f} points, the mean gain is 0: adopted {adopted(ruin):.3f}")


def adopted(ruin: float) -> float:
    """The share of tests that adopt for all tools a candidate that ruins one in ten and gains nothing on the whole."""
    random = np.random.default_rng(0)
    count = 0
    for _ in range(REPETITIONS // 10):
        tools = {}
        for number in range(10):
            win, lose = split(0.7, ruin / 9 if number else -min(ruin, 0.7), 0.5)
            won = random.binomial(6, win)
            tools[str(number)] = PairedCases(won, random.binomial(6 - won, min(lose / (1 - win), 1)), 6)
        harmed = find_harmed(tools)
        count += not harmed and gain_over_tools(leave_harmed(tools, harmed)).low > 0
    return count / (REPETITIONS // 10)
