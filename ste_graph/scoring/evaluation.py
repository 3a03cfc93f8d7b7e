"""Evaluations: arms compared on the same cases, and what follows from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from ste_graph.contracts import Frozen, Json, is_simulated
from ste_graph.models.prices import Prices
from ste_graph.records import Record
from ste_graph.scoring.arm_cost import mean_cost
from ste_graph.scoring.arms import ArmReplies, check_same_cases, group_by_arm
from ste_graph.scoring.candidate import HARM
from ste_graph.scoring.decision import Choice, Decision, decide
from ste_graph.scoring.difference import Difference, difference, restraint_gain
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.score_sheet import ScoreSheet, estimate_json
from ste_graph.scoring.subject import Subject
from ste_graph.scoring.tables import arms_table, details_table
from ste_graph.scoring.verdict import Question
from ste_graph.text import count_noun

WIDTH = 120
"""Characters of a line of the reasons."""
SIMULATED_NOTE = "\nsimulated: this shows that the plumbing works, and nothing about a real model"


class EvaluationFields(Frozen):
    """The results of an evaluation, as the node `evaluate` gives them and the journal keeps them."""

    decision: Choice
    reason: str
    baseline: str
    candidate: str | None
    """The arm that the decision is about; None if no arm has anything to adopt."""
    adopted: Subject | None
    """The thing that is adopted: None unless the decision is `adopt`."""
    adopted_for: list[str] | None
    """The tools that it is adopted for, where that is not all of them."""
    interval: dict[str, Json] | None
    """The least gain of the thing adopted, or to be adopted, over all these tools: `mean`, `low` and `high`."""
    arms: dict[str, Json]
    """Per arm: its figures, as `ste score` gives them, its `subject`, the `models` that replied, and the mean `cost`
    of a reply, see `ArmCost`."""
    gains: dict[str, Json]
    """Per arm but the baseline: the paired difference, see `Difference`, and that of `restraint`."""
    candidates: dict[str, Json]
    """Per arm that may be adopted: all that the decision looked at, see `Candidate`."""
    simulated: bool
    """True if a simulated model had a part in it."""
    table: str
    """The arms and the decision, for a person."""
    details: str
    """The details for a person: how the replies were read, every tool, and the tools that were mistaken for others."""


class Evaluation(EvaluationFields, Record):
    """The results of the arms of a test, and the decision whether what was learnt is adopted."""

    @property
    def text(self) -> str:
        return f"{self.decision}: {self.reason}"


@dataclass(frozen=True, slots=True)
class JudgeUsage:
    """The use of a judge in an evaluation: the models asked, the number of answers, and of those without a verdict."""

    judges: tuple[str, ...] = ()
    count: int = 0
    unread: int = 0


@dataclass(frozen=True)
class ArmComparison:
    """The arms, scored and compared."""

    arms: Mapping[str, ArmReplies]
    sheets: Mapping[str, ScoreSheet]
    rules: LabelRules
    usage: JudgeUsage
    seed: int = 0
    harm: float = HARM
    prices: Prices | None = None

    @property
    def questions(self) -> list[Question]:
        """The questions that nobody has decided, each once, however many arms raise it."""
        found = {question.key: question for sheet in self.sheets.values() for question in sheet.questions}
        return list(found.values())

    @property
    def _replies_differ(self) -> bool:
        """True if any arm gave two different replies to a case."""
        texts: dict[tuple[str, tuple[str, str]], set[str | None]] = {}
        for name, arm in self.arms.items():
            for reply in arm.replies:
                texts.setdefault((name, reply.key), set()).add(reply.output)
        return any(len(own) > 1 for own in texts.values())

    @property
    def has_simulated_models(self) -> bool:
        models = [model for arm in self.arms.values() for model in arm.models]
        return any(map(is_simulated, (*models, *self.usage.judges)))

    def fields(self) -> EvaluationFields:
        """The results."""
        baseline, *others = self.arms
        gains = {name: difference(self.sheets[baseline], self.sheets[name], seed=self.seed) for name in others}
        decision = decide(self.arms, self.sheets, seed=self.seed, harm=self.harm)
        return EvaluationFields(
            decision=decision.choice,
            reason=decision.reason,
            baseline=baseline,
            candidate=decision.candidate,
            adopted=decision.adopted,
            adopted_for=None if decision.tools is None else list(decision.tools),
            interval=decision.gain and estimate_json(decision.gain),
            arms={name: self._figures(name) for name in self.arms},
            gains={name: {**gain.to_json(), **self._restraint(baseline, name)} for name, gain in gains.items()},
            candidates={each.name: each.to_json() for each in decision.candidates},
            simulated=self.has_simulated_models,
            table=self._table(gains, decision),
            details=details_table(self.sheets, gains),
        )

    def _figures(self, name: str) -> dict[str, Json]:
        arm, figures = self.arms[name], self.sheets[name].to_json(self.seed)
        figures = {key: value for key, value in figures.items() if key not in ("predictions", "gold", "problems")}
        subject = arm.subject and arm.subject.model_dump(mode="json")
        cost = mean_cost(arm.replies).to_json(self.prices)
        return {"subject": subject, "models": list(arm.models), "cost": cost, **figures}

    def _restraint(self, baseline: str, name: str) -> dict[str, Json]:
        found = restraint_gain(self.sheets[baseline], self.sheets[name])
        return {"restraint": found and estimate_json(found)}

    def _table(self, gains: Mapping[str, Difference], decision: Decision) -> str:
        sheet = next(iter(self.sheets.values()))
        each = sheet.replies_per_case
        several = f", {each} replies a case" if each > 1 else ""
        others = len({reply.key for reply in sheet.restraint_replies})
        more = f", and {count_noun(others, 'case')} in which no call is right" if others else ""
        head = (
            f"{count_noun(len(self.arms), 'arm')} on the same {count_noun(sheet.cases, 'case')} of "
            f"{count_noun(len(sheet.by_tool), 'tool')}{several}{more}; "
            f"{'correct: the mean over tools; ' if len(sheet.by_tool) > 1 else ''}intervals: 95 %, these tools"
            f"{SIMULATED_NOTE if self.has_simulated_models else ''}"
        )
        costs = {name: mean_cost(arm.replies) for name, arm in self.arms.items()}
        table = arms_table(self.sheets, gains, decision.candidates, costs, self.prices, seed=self.seed)
        first, *rest = decision.reasons
        lines = [line for reason in rest for line in wrap(reason, WIDTH, initial_indent="  ", subsequent_indent="    ")]
        verdict = "\n".join([f"{decision.choice}: {first}", *lines])
        return "\n\n".join(filter(None, [f"{head}\n\n{table}", verdict, "\n".join(self._notes())]))

    def _notes(self) -> list[str]:
        notes = []
        first = next(iter(self.arms.values())).replies
        among, cases = first[0].among, len({reply.key for reply in first})
        if among is not None and among > cases:
            notes.append(
                f"left out: {among - cases} of {count_noun(among, 'case')}, since not all arms replied to them"
            )
        if self.usage.count:
            judges = ", ".join(self.usage.judges)
            unread = f"; {self.usage.unread} of its replies held no verdict" if self.usage.unread else ""
            notes.append(f"{judges} was asked about {count_noun(self.usage.count, 'call')}{unread}")
        if (each := max(sheet.replies_per_case for sheet in self.sheets.values())) > 1 and not self._replies_differ:
            notes.append(f"the {each} replies to a case never differ, so that one would do (raise the temperature)")
        if self.questions:
            notes.append(
                f"{count_noun(len(self.questions), 'call')} can only be judged: wrong in the lower bound, right in "
                "the upper"
            )
        for name, arm in self.arms.items():
            if missing := sum(reply.output is None for reply in arm.replies):
                notes.append(f"{name}: {count_noun(missing, 'reply')} missing, counted as wrong")
        return notes


def compare_arms(
    replies: Sequence[ArmReply],
    rules: LabelRules,
    verdicts: Mapping[str, bool] | None = None,
    *,
    usage: JudgeUsage = JudgeUsage(),
    seed: int = 0,
    harm: float = HARM,
    prices: Prices | None = None,
) -> ArmComparison:
    """Scores and compares the arms; `verdicts` are by the question's key.

    Raises `WorkflowError` if the arms cannot be compared.
    """
    roles = {reply.role: reply.arm for reply in replies}
    comparable = check_same_cases(replies, roles.get("baseline"), roles.get("candidate"), where="the replies")
    arms = group_by_arm(comparable)
    sheets = {name: arm.score(rules, verdicts) for name, arm in arms.items()}
    return ArmComparison(arms, sheets, rules, usage, seed, harm, prices)
