"""Candidates: the arms that may be adopted, with all that a decision looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.scoring.arm_cost import mean_cost
from ste_graph.scoring.arms import ArmReplies
from ste_graph.scoring.difference import (
    Difference,
    PairedCases,
    difference,
    gain_over_tools,
    p_value_over_tools,
    restraint_gain,
)
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet, estimate_json
from ste_graph.scoring.subject import ModelSubject, Subject
from ste_graph.stats import LEVEL, Interval, holm

Obstacle: TypeAlias = Literal["no gain", "luck", "undecided", "harm", "restraint"]
"""The reason against a candidate: its interval reaches 0; it does after Holm's correction; calls that nobody has judged
could lift it; it is a model that harms a tool; it calls more often where no call is right."""


HARM = 10.0
"""Points: a tool is harmed if the whole interval of its loss is beyond this."""


@dataclass(frozen=True)
class CandidateArm:
    """An arm that may be adopted: its gain, and the gain of adopting it for all tools but those that it harms."""

    name: str
    subject: Subject | None
    difference: Difference
    harmed: Mapping[str, PairedCases]
    p_value: float
    """That of no gain, after Holm's correction for the number of candidates."""
    restraint: Interval | None
    """The gain in the cases where no call is right; None if there are no such cases."""
    prompt_tokens: float | None
    """Tokens of the prompt beyond those of the baseline, per case, as the server counted them or else about; None if
    neither is known."""

    @cached_property
    def kept(self) -> Mapping[str, PairedCases]:
        """The cases with the harmed tools as they were."""
        return leave_harmed(self.difference.least_by_tool, self.harmed)

    @cached_property
    def gain(self) -> Interval:
        return gain_over_tools(self.kept)

    @property
    def is_shown(self) -> bool:
        """True if it gains for sure, also after Holm's correction."""
        return self.gain.low > 0 and self.p_value <= 1 - LEVEL

    @property
    def is_model(self) -> bool:
        """True if it is a trained model."""
        return isinstance(self.subject, ModelSubject)

    @property
    def obstacle(self) -> Obstacle | None:
        """The reason that it may not be adopted; None if it may."""
        if self.gain.low <= 0:
            return "undecided" if self.difference.most.low > 0 and not self.harmed else "no gain"
        if not self.is_shown:
            return "luck"
        if self.harmed and self.is_model:
            return "harm"
        return "restraint" if self.restraint is not None and self.restraint.high < 0 else None

    @property
    def gain_per_1000_tokens(self) -> float | None:
        """The gain for a thousand tokens of the prompt; None if it shows none, or they are not known."""
        return 1000 * self.gain.mean / self.prompt_tokens if self.prompt_tokens and self.prompt_tokens > 0 else None

    def to_json(self) -> dict[str, Json]:
        return {
            "gain": estimate_json(self.gain),
            "p_value": self.p_value,
            "shown": self.is_shown,
            "obstacle": self.obstacle,
            "harmed": list(self.harmed),
            "restraint": self.restraint and estimate_json(self.restraint),
            "prompt_tokens": self.prompt_tokens,
            "gain_per_1000_tokens": self.gain_per_1000_tokens,
        }


def make_candidates(
    names: Sequence[str],
    arms: Mapping[str, ArmReplies],
    sheets: Mapping[str, ScoreSheet],
    *,
    seed: int,
    harm: float,
) -> list[CandidateArm]:
    """The candidates of these names, their p-values corrected for their number; the first arm is the baseline."""
    baseline = next(iter(arms))
    differences = {name: difference(sheets[baseline], sheets[name], seed=seed) for name in names}
    harmed = {name: find_harmed(found.most_by_tool, harm) for name, found in differences.items()}
    p_values = holm(
        {
            name: p_value_over_tools(leave_harmed(found.least_by_tool, harmed[name]))
            for name, found in differences.items()
        }
    )
    tokens = _prompt_tokens({name: arms[name].replies for name in (baseline, *names)})
    return [
        CandidateArm(
            name,
            arms[name].subject,
            differences[name],
            harmed[name],
            p_values[name],
            restraint_gain(sheets[baseline], sheets[name]),
            None if tokens is None else tokens[name] - tokens[baseline],
        )
        for name in names
    ]


def _prompt_tokens(arms: Mapping[str, Sequence[ArmReply]]) -> dict[str, float] | None:
    """The tokens of the prompts of all arms, per reply: as the server counted them, or else what each was shown."""
    counted = {name: mean_cost(replies).prompt_tokens for name, replies in arms.items()}
    known = {name: tokens for name, tokens in counted.items() if tokens is not None}
    if len(known) == len(arms):
        return known
    shown = {name: fmean(reply.shown_tokens for reply in replies) for name, replies in arms.items()}
    return shown if any(shown.values()) else None


def find_harmed(tools: Mapping[str, PairedCases], harm: float = HARM) -> dict[str, PairedCases]:
    """The tools that lose more than `harm` points for sure."""
    return {tool: pair for tool, pair in tools.items() if 100 * pair.interval.high < -harm}


def leave_harmed(tools: Mapping[str, PairedCases], harmed: Mapping[str, PairedCases]) -> dict[str, PairedCases]:
    """The tools with the harmed ones as they were: these neither gain nor lose, and count all the same."""
    return {
        tool: PairedCases(0, 0, pair.cases, replies=pair.replies) if tool in harmed else pair
        for tool, pair in tools.items()
    }
