"""Replies to the requests of a test, as a run's journal keeps them and every evaluation reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.protocols.form import Form
from ste_graph.records import Record, RecordContext
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.cost import ReplyCost
from ste_graph.scoring.label import ReplyLabel, label_output
from ste_graph.scoring.restraint import CaseKind, shows_restraint
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.subject import Subject
from ste_graph.scoring.verdict import Question

Role: TypeAlias = Literal["baseline", "candidate"]


class _GivenReply(Record):
    """The fields of a reply that `as` gives."""

    arm: str
    query: str
    n: int = 0
    """The number of the reply, where there are several to a case in one arm."""
    kind: CaseKind = "call"
    """The right response in the case; if that is not a call, `gold` names the tool that one might call by mistake."""
    gold: GoldCall
    output: str | None
    """The reply as the model gave it, so that it can be scored anew; None if it is missing."""
    form: Form = "react"
    """The form in which a call was asked for, which is the first that the reply is read in."""
    subject: Subject | None = None
    """The thing that an adoption of this arm would adopt; None for a baseline or a placebo, which have nothing."""
    model: str | None = None
    offered: tuple[str, ...] = ()
    """The tools offered, by name."""
    shown: tuple[str, ...] = ()
    """The exemplars that the model was shown, by id."""
    lessons: tuple[str, ...] = ()
    """The lessons that it was shown, by id."""
    shown_tokens: int = 0
    """About how many tokens it was shown more than the baseline, see `approximate_tokens`."""
    cost: ReplyCost | None = None
    """The cost of the reply, if the run knows it."""
    label: ReplyLabel | None = Field(default=None, exclude=True)
    """The output of the node `score`, which is kept field by field; without it, rules decide here."""


class CaseReply(ReplyLabel, _GivenReply):
    """A model's reply to one case in one arm of a test, with the gold call and the label."""

    derived: ClassVar[frozenset[str]] = frozenset(ReplyLabel.model_fields)

    @property
    def text(self) -> str:
        return self.query

    @property
    def key(self) -> tuple[str, str]:
        """The case, the same in every arm: the tool and the request."""
        return self.gold.tool, self.query

    @property
    def legal_names(self) -> tuple[str, ...]:
        """The names that a call may have: those of the tools offered, and of the right one."""
        return tuple(dict.fromkeys((*self.offered, self.gold.tool)))

    @property
    def question(self) -> Question | None:
        """The question for a judge, if only a judge can tell whether the arguments are right."""
        if self.kind != "call" or not self.api_match or self.args_correct is not None:
            return None
        return Question(self.gold.tool, self.query, self.gold.arguments, self.arguments or {})

    @property
    def is_correct(self) -> bool | None:
        """True if it is the right call, or rightly none; None if a judge has to tell."""
        if self.kind != "call":
            return shows_restraint(self.kind, self.output, self.called)
        return self.args_correct if self.api_match else False

    @property
    def extra_arguments(self) -> tuple[str, ...]:
        """The arguments of a call to the right tool that the gold call does not have."""
        if not self.api_match or self.arguments is None:
            return ()
        return tuple(name for name in self.arguments if name not in self.gold.arguments)

    def label_by(self, rules: LabelRules, names: Sequence[str]) -> Self:
        """The reply, labelled by `rules`; `names` are legal."""
        label = label_output(self.gold, self.output, names, rules, form=self.form, problem=self.problem)
        return self.model_copy(update=label.__dict__)

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        own = {name: value for name, value in values.items() if value is not None}
        reply = cls.model_validate({"output": None, **own})
        label = reply.label or label_output(reply.gold, reply.output, reply.legal_names, LabelRules(), form=reply.form)
        model = reply.model or next(iter(context.models.get("output", ())), None)
        return reply.model_copy(update={**label.__dict__, "model": model, "label": None})


class ArmReply(CaseReply):
    """A reply as an evaluation takes it: with the role of its arm, and the verdict of a judge."""

    role: Role | None = None
    among: int | None = None
    """The number of cases before those were left out to which not all arms replied; None if none were."""
    verdict: bool | None = None
    """The verdict that a judge gave before, if it is kept next to the reply."""
    judged: bool = False
    """True if a verdict decided `args_correct`."""
    wants_call: bool = True
    """False if only a reply that makes no call is right; one that cannot be read is an error there too."""

    @property
    def is_correct(self) -> bool | None:
        return super().is_correct if self.wants_call else self.no_call

    def with_role(self, role: Role | None, among: int | None) -> Self:
        """The reply of an arm in this role, in a test of the cases left `among` so many."""
        if (self.role, self.among) == (role, among):
            return self
        return self.model_copy(update={"role": role, "among": among})

    def decide_by(self, verdicts: Mapping[str, bool]) -> Self:
        """The reply, with its question answered if a verdict is known; `verdicts` are by the question's key."""
        question = self.question
        if question is None:
            return self
        right = self.verdict if self.verdict is not None else verdicts.get(question.key) if verdicts else None
        return self if right is None else self.model_copy(update={"args_correct": right, "judged": True})
