"""An evaluation: arms compared on the same cases, and what follows from that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ste_graph.contracts import Frozen, Json
from ste_graph.models.label import is_simulated
from ste_graph.records import Record
from ste_graph.scoring.arms import Arm, arms_of, attempts_of, contested
from ste_graph.scoring.comparison import Rules
from ste_graph.scoring.decision import Choice, Decision, decided
from ste_graph.scoring.difference import Difference, difference
from ste_graph.scoring.judging import Question, Verdicts
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.score import Score, estimate_json
from ste_graph.scoring.standings import standings
from ste_graph.scoring.subject import Subject

SIMULATED = "\nsimulated: this shows that the plumbing works, and nothing about a real model"


class Evaluation(Record):
    """What the arms of a test have come to, and whether what was learnt is adopted."""

    decision: Choice
    reason: str
    baseline: str
    candidate: str | None
    """The arm that the decision is about; None where no arm has anything to adopt."""
    adopted: Subject | None
    """What is adopted: nothing unless the decision is `adopt`."""
    interval: dict[str, Json] | None
    """The least gain, which the decision rests on: `mean`, and `low` and `high` or the `reason` why there are none."""
    arms: dict[str, Json]
    """Per arm: its figures, as `ste score` gives them, its `subject` and the `models` that replied."""
    gains: dict[str, Json]
    """Per arm but the baseline: the paired difference, see `Difference`."""
    simulated: bool
    """Whether a simulated model had a part in it."""
    table: str

    @property
    def text(self) -> str:
        return f"{self.decision}: {self.reason}"


class Reader(Frozen):
    """How replies are read, and their arguments compared."""

    parser: Parser = Parser.tolerant
    exact_names: bool = True
    judged: tuple[str, ...] | Literal["all"] | None = None

    def rules(self, tools: Collection[str]) -> Rules:
        """The rules; unless `judged` says otherwise, only the paper's 19 tools need a judge."""
        if self.judged == "all":
            return Rules(frozenset(tools))
        return Rules() if self.judged is None else Rules(frozenset(self.judged))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a judge was asked in this evaluation: whom, how often, and how often no verdict could be read."""

    judges: tuple[str, ...] = ()
    count: int = 0
    unread: int = 0


@dataclass(frozen=True)
class Evaluated:
    """The arms, scored and compared."""

    arms: Mapping[str, Arm]
    scores: Mapping[str, Score]
    reader: Reader
    asked: Asked
    seed: int = 0

    @classmethod
    def of(
        cls, items: Sequence[Json], reader: Reader, verdicts: Verdicts, *, asked: Asked = Asked(), seed: int = 0
    ) -> Evaluated:
        """Replies, as `data` gives them, labelled anew. Raises `WorkflowError` where arms cannot be compared."""
        attempts = attempts_of(items)
        roles = {one.role: one.arm for one in attempts}
        arms = arms_of(contested(attempts, roles.get("baseline"), roles.get("candidate"), where="the replies"))
        rules = reader.rules({one.gold.tool for arm in arms.values() for one in arm.attempts})
        scores = {
            name: arm.score(reader.parser, closest=not reader.exact_names, rules=rules, verdicts=verdicts)
            for name, arm in arms.items()
        }
        return cls(arms, scores, reader, asked, seed)

    @property
    def questions(self) -> list[Question]:
        """What nobody has decided, each question once, however many arms raise it."""
        found = {one.key: one for score in self.scores.values() for one in score.questions}
        return list(found.values())

    @property
    def simulated(self) -> bool:
        models = [model for arm in self.arms.values() for model in arm.models]
        return any(map(is_simulated, (*models, *self.asked.judges)))

    def to_json(self) -> dict[str, Json]:
        """The fields of an `Evaluation`."""
        baseline, *others = self.arms
        gains = {name: difference(self.scores[baseline], self.scores[name], seed=self.seed) for name in others}
        decision = decided(self.arms, self.scores, seed=self.seed)
        return {
            "decision": decision.choice,
            "reason": decision.reason,
            "baseline": baseline,
            "candidate": decision.candidate,
            "adopted": decision.adopted and decision.adopted.model_dump(mode="json"),
            "interval": decision.gain and estimate_json(decision.gain.least),
            "arms": {name: self._figures(name) for name in self.arms},
            "gains": {name: gain.to_json() for name, gain in gains.items()},
            "simulated": self.simulated,
            "table": self._table(gains, decision),
        }

    def _figures(self, name: str) -> dict[str, Json]:
        arm, figures = self.arms[name], self.scores[name].to_json(self.seed)
        figures = {key: value for key, value in figures.items() if key not in ("predictions", "gold", "problems")}
        subject = arm.subject and arm.subject.model_dump(mode="json")
        return {"subject": subject, "models": list(arm.models), **figures}

    def _table(self, gains: Mapping[str, Difference], decision: Decision) -> str:
        first = next(iter(self.arms.values()))
        cases, tools = len(first.attempts), len(self.scores[first.name].by_tool)
        head = (
            f"{_counted(len(self.arms), 'arm')} on the same {_counted(cases, 'case')} of {_counted(tools, 'tool')}, "
            f"read by the {self.reader.parser} parser{SIMULATED if self.simulated else ''}"
        )
        table = standings(self.scores, gains, head=head, notes=self._notes(cases), seed=self.seed)
        return f"{table}\n\n{decision.choice}: {decision.reason}"

    def _notes(self, cases: int) -> list[str]:
        notes = []
        among = next(iter(self.arms.values())).attempts[0].among
        if among is not None and among > cases:
            notes.append(f"{among - cases} of {among} cases are left out, since not all arms replied to them")
        if self.asked.count:
            whom = ", ".join(self.asked.judges)
            unread = f"; {self.asked.unread} of its replies were no verdict" if self.asked.unread else ""
            notes.append(f"{whom} was asked about {_counted(self.asked.count, 'call')}{unread}")
        if self.questions:
            notes.append(
                f"{_counted(len(self.questions), 'call')} can only be judged: wrong in the lower bound, right in the "
                "upper"
            )
        for name, arm in self.arms.items():
            if missing := sum(one.output is None for one in arm.attempts):
                notes.append(f"{name}: {missing} of the replies are missing, and count as wrong")
        return notes


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
