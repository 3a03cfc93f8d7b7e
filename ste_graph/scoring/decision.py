"""The decision whether to adopt what was learnt, or to keep what was there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ste_graph.scoring.arms import ArmReplies
from ste_graph.scoring.difference import (
    Difference,
    PairedCases,
    difference,
    gain_over_tools,
    p_value_over_tools,
)
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.scoring.subject import ModelSubject, Subject
from ste_graph.scoring.tables import gain_text
from ste_graph.stats import LEVEL, Interval, cases_needed, holm
from ste_graph.text import count_noun

Choice: TypeAlias = Literal["adopt", "keep"]

HARM = 10.0
"""Points: a tool is harmed if the whole interval of what it loses lies beyond this."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice, its reason, and the gain that it rests on.

    `adopted` is the candidate's subject, and `tools` those that it is adopted for: all but the harmed ones.
    """

    choice: Choice
    reason: str
    candidate: str | None = None
    gain: Interval | None = None
    adopted: Subject | None = None
    tools: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An arm that may be adopted: its gain, and the gain of adopting it for all tools but those that it harms."""

    name: str
    subject: Subject | None
    difference: Difference
    harmed: Mapping[str, PairedCases]

    @property
    def kept(self) -> Mapping[str, PairedCases]:
        """The cases with the harmed tools as they were."""
        return leave_harmed(self.difference.least_by_tool, self.harmed)

    @property
    def gain(self) -> Interval:
        return gain_over_tools(self.kept)


def decide(
    arms: Mapping[str, ArmReplies], sheets: Mapping[str, ScoreSheet], *, seed: int = 0, harm: float = HARM
) -> Decision:
    """Adopts the candidate if its whole interval for these tools lies above 0; else, and so in a tie, keeps what was.

    The first of `arms` is the baseline. The interval is that of the least gain, in which nobody's verdict counts in
    the candidate's favour. Tools that lose more than `harm` points for sure are left as they were; a model, which
    serves all tools or none, is then not adopted. Without a named candidate, each arm that has something to adopt is
    one, and Holm's correction for their number must leave a gain: the best of several is likely to be lucky.
    """
    baseline, *others = arms
    named = next((name for name, arm in arms.items() if arm.role == "candidate"), None)
    names = [named] if named else [name for name in others if arms[name].subject is not None]
    if not names:
        return Decision("keep", _reason_without_candidate(others))
    candidates = [_make_candidate(name, arms, sheets[baseline], sheets[name], seed, harm) for name in names]
    p_values = holm({candidate.name: p_value_over_tools(candidate.kept) for candidate in candidates})
    shown = [each for each in candidates if each.gain.low > 0 and p_values[each.name] <= 1 - LEVEL]
    best = max(shown or candidates, key=lambda candidate: candidate.gain.mean)
    adopts = bool(shown) and not (best.harmed and isinstance(best.subject, ModelSubject))
    among = f", the best of {len(names)} candidates," if len(names) > 1 else ""
    reasons = [
        _describe_gain(best, baseline, among),
        *_describe_harm(best, harm),
        _judgement(best, adopts, p_values[best.name], len(names)),
    ]
    kept = tuple(tool for tool in best.kept if tool not in best.harmed)
    return Decision(
        "adopt" if adopts else "keep",
        "; ".join(reasons),
        best.name,
        best.gain,
        best.subject if adopts else None,
        kept if adopts and best.harmed else None,
    )


def find_harmed(tools: Mapping[str, PairedCases], harm: float = HARM) -> dict[str, PairedCases]:
    """The tools that lose more than `harm` points for sure."""
    return {tool: pair for tool, pair in tools.items() if 100 * pair.interval.high < -harm}


def leave_harmed(tools: Mapping[str, PairedCases], harmed: Mapping[str, PairedCases]) -> dict[str, PairedCases]:
    """The tools with the harmed ones as they were: these neither gain nor lose, and count all the same."""
    return {tool: PairedCases(0, 0, pair.cases) if tool in harmed else pair for tool, pair in tools.items()}


def _make_candidate(
    name: str, arms: Mapping[str, ArmReplies], baseline: ScoreSheet, sheet: ScoreSheet, seed: int, harm: float
) -> Candidate:
    found = difference(baseline, sheet, seed=seed)
    return Candidate(name, arms[name].subject, found, find_harmed(found.most_by_tool, harm))


def _reason_without_candidate(others: Sequence[str]) -> str:
    if not others:
        return "there is only one arm, and nothing to compare it with; what was there stays"
    return (
        f"none of the arms {', '.join(others)} says what would be adopted; what was there stays "
        "(`data.replies.candidate` names an arm to decide on all the same)"
    )


def _describe_gain(candidate: Candidate, baseline: str, among: str) -> str:
    found = candidate.difference
    at_least = " at least" if found.least != found.most else ""
    return f"`{candidate.name}`{among} gains{at_least} {gain_text(candidate.gain)} over `{baseline}`"


def _describe_harm(candidate: Candidate, harm: float) -> list[str]:
    if not candidate.harmed:
        return []
    losses = [f"`{tool}` ({gain_text(pair.interval)})" for tool, pair in candidate.harmed.items()]
    stays = f"{count_noun(len(losses), 'tool')} {'stays' if len(losses) == 1 else 'stay'}"
    return [f"it harms {', '.join(losses)} by more than {harm:g} points, so {stays} as before"]


def _judgement(candidate: Candidate, adopts: bool, p_value: float, candidates: int) -> str:
    gain, most = candidate.gain, candidate.difference.most
    if adopts:
        corrected = f", and p = {p_value:.2g} after Holm's correction" if candidates > 1 else ""
        return f"the whole interval lies above 0{corrected}"
    if gain.low > 0 and candidate.harmed:
        return "a model serves all tools or none, so what was there stays"
    if gain.low > 0:
        return f"p = {p_value:.2g} after Holm's correction for {candidates} candidates, so what was there stays"
    if most.low > 0 and not candidate.harmed:
        return "calls that nobody has judged could lift it above 0: until a judge has, what was there stays"
    return f"the interval does not lie above 0, so what was there stays{_describe_need(candidate)}"


def _describe_need(candidate: Candidate) -> str:
    """How many cases a gain as large as the one seen would take, where there is one."""
    pairs, gain = candidate.kept.values(), candidate.gain.mean
    differing = sum((pair.won + pair.lost) / pair.cases for pair in pairs) / len(pairs)
    if gain <= 0 or (needed := cases_needed(gain, differing)) is None:
        return ""
    now = sum(pair.cases for pair in pairs)
    if needed <= now:
        return ""
    return f" (to show a gain of this size, some {needed:,} cases are needed; there are {now:,})"
