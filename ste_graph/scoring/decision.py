"""The decision whether to adopt what was learnt, or to keep what was there before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ste_graph.scoring.arms import ArmReplies
from ste_graph.scoring.difference import Difference, difference
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.scoring.subject import Subject
from ste_graph.scoring.tables import gain_text
from ste_graph.stats import LEVEL, Interval

Choice: TypeAlias = Literal["adopt", "keep"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice, its reason, and the gain that it rests on; `adopted` is the candidate's subject."""

    choice: Choice
    reason: str
    candidate: str | None = None
    gain: Difference | None = None
    adopted: Subject | None = None


def decide(arms: Mapping[str, ArmReplies], sheets: Mapping[str, ScoreSheet], *, seed: int = 0) -> Decision:
    """Adopts the candidate if its whole interval lies above 0; else, and so in a tie, keeps what was there.

    The first of `arms` is the baseline. The interval is that of the least gain, in which nobody's verdict counts in
    the candidate's favour; too few cases for an interval are never enough. Without a named candidate it is the arm
    with the largest gain of those that have something to adopt: the best of m is likely to be lucky, so each interval
    is then at the level 1 - 0.05/m (Bonferroni), and with 95 % none of the m holds a gain that is not there.
    """
    baseline, *others = arms
    named = next((name for name, arm in arms.items() if arm.role == "candidate"), None)
    candidates = [named] if named else [name for name in others if arms[name].subject is not None]
    if not candidates:
        return Decision("keep", _reason_without_candidate(others))
    level = 1 - (1 - LEVEL) / len(candidates)
    gains = {name: difference(sheets[baseline], sheets[name], seed=seed, level=level) for name in candidates}
    best = max(candidates, key=lambda name: gains[name].least.mean or 0.0)
    gain = gains[best]
    adopts = isinstance(gain.least, Interval) and gain.least.low > 0
    return Decision(
        "adopt" if adopts else "keep",
        f"{_describe_gain(best, baseline, gain, len(candidates))}; {_judgement(gain, adopts)}",
        best,
        gain,
        arms[best].subject if adopts else None,
    )


def _reason_without_candidate(others: list[str]) -> str:
    if not others:
        return "there is only one arm, and nothing to compare it with; what was there stays"
    return (
        f"none of the arms {', '.join(others)} says what would be adopted; what was there stays "
        "(`data.replies.candidate` names an arm to decide on all the same)"
    )


def _describe_gain(name: str, baseline: str, gain: Difference, candidates: int) -> str:
    among = f", the best of {candidates} candidates," if candidates > 1 else ""
    at_least = " at least" if gain.least != gain.most else ""
    return f"`{name}`{among} gains{at_least} {gain_text(gain.least)} over `{baseline}`"


def _judgement(gain: Difference, adopts: bool) -> str:
    if adopts:
        return "the whole interval lies above 0"
    if not isinstance(gain.least, Interval):
        return "without an interval what was there stays"
    if isinstance(gain.most, Interval) and gain.most.low > 0:
        return "calls that nobody has judged could lift it above 0: until a judge has, what was there stays"
    return "the interval does not lie above 0, so what was there stays"
