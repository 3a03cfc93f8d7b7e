"""Planted worlds for the referee: replies of arms of which only those that show one form are better than the baseline.

Right replies of the arms to a case are correlated, as in real tests: a hard case is hard in every arm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from ste_graph.scoring.arms import group_by_arm
from ste_graph.scoring.cost import ReplyCost
from ste_graph.scoring.decision import Decision, decide
from ste_graph.scoring.label import OWN_RULES
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.subject import FormsSubject, ModelSubject, Subject

FORMS = {"exemplars": 800, "lessons": 150, "guideline": 250, "descriptions": 100, "model": 0}
"""The forms of learning, with the tokens of a prompt that each costs."""
PAIRS = (("exemplars", "lessons"), ("exemplars", "guideline"))
CANDIDATES = (*FORMS, *map("+".join, PAIRS))
BASELINE_TOKENS = 600


@dataclass(frozen=True, slots=True)
class World:
    """The truth: the form that helps (None: no form does), by how much, and the size of the test."""

    helpful: str | None = None
    gain: float = 0.2
    baseline: float = 0.7
    tools: int = 10
    cases: int = 6
    replies: int = 1
    restraint: int = 1
    """Cases of each tool in which no call is right; all arms are as good at them."""
    shared: float = 0.55
    """The part of a reply's luck that all arms share on a case: right replies of an arm that helps and of the baseline
    then have a correlation of 0.3. In the tests of the small real model (docs/results.md) it was 0.0 and 0.5."""
    repeated: float = 0.25
    """The part that the replies of one arm to a case share beyond that."""

    def replies_of(self, seed: int) -> Iterator[ArmReply]:
        """The replies of all arms in one test."""
        random = np.random.default_rng(seed)
        shape = (self.tools, self.cases + self.restraint)
        ease = random.normal(0, 0.3, (self.tools, 1))
        common = (random.normal(size=shape) * np.sqrt(0.91) + ease)[..., None] * np.sqrt(self.shared)
        own_part = 1 - self.shared - self.repeated
        for arm in ("baseline", *CANDIDATES, "placebo"):
            helps = self.helpful is not None and self.helpful in arm.split("+")
            bound = NormalDist().inv_cdf(self.baseline + (self.gain if helps else 0))
            own = random.normal(size=(*shape, 1)) * np.sqrt(self.repeated)
            noise = random.normal(size=(*shape, self.replies)) * np.sqrt(own_part)
            right = common + own + noise < bound
            right[:, self.cases :] = (common + own + noise)[:, self.cases :] < NormalDist().inv_cdf(0.8)
            for tool, case, n in np.ndindex(*right.shape):
                yield self._reply(arm, tool, case, n, bool(right[tool, case, n]))

    def decide(self, seed: int) -> Decision:
        """The decision on one test."""
        arms = group_by_arm(self.replies_of(seed))
        return decide(arms, {name: arm.score(LabelRules()) for name, arm in arms.items()})

    def _reply(self, arm: str, tool: int, case: int, n: int, right: bool) -> ArmReply:
        wants_call = case < self.cases
        calls = wants_call or not right
        forms = [form for form in arm.split("+") if form in FORMS]
        return ArmReply(
            arm=arm,
            role="baseline" if arm == "baseline" else None,
            query=f"request {case}",
            n=n,
            kind="call" if wants_call else "none",
            gold={"tool": f"tool {tool}", "arguments": {}},
            output="{}" if calls else "I have no tool for this.",
            api_match=True if calls else None,
            args_correct=right if calls else None,
            called=f"tool {tool}" if calls else None,
            no_call=not calls,
            rules=OWN_RULES,
            subject=_subject(forms),
            cost=ReplyCost(prompt_tokens=BASELINE_TOKENS + sum(FORMS[form] for form in forms), completion_tokens=30),
        )


def _subject(forms: list[str]) -> Subject | None:
    if forms == ["model"]:
        return ModelSubject(path="runs/finetune/model", digest="d" * 64)
    shown: dict[Any, Any] = {form: {"run_id": "r", "run": "runs/r"} for form in forms}
    return FormsSubject(forms=shown) if shown else None
