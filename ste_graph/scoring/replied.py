"""A reply to a request of a test, as a run's journal keeps it: what every evaluation reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.records import Circumstances, Record
from ste_graph.scoring.case import Case, Predicted
from ste_graph.scoring.comparison import Rules
from ste_graph.scoring.label import Label, label
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.subject import Subject


class GoldCall(Frozen):
    """The call that a request asks for."""

    tool: str
    arguments: dict[str, Json] = Field(default={})


class Replied(Record):
    """What a model replied in one arm of a test, next to the gold call, and what rules say of it.

    `label` is what the node `score` gave, which is not kept as such; where it is not given, the rules decide here.
    """

    derived: ClassVar[frozenset[str]] = frozenset(
        {"no_call", "err", "api_match", "args_correct", "called", "arguments", "repairs", "problem"}
    )

    arm: str
    query: str
    gold: GoldCall
    output: str | None
    """The reply as the model gave it, so that it can be scored anew; None where there is none."""
    subject: Subject | None = None
    """What an adoption of this arm would adopt; None for a baseline or a placebo: nothing."""
    model: str | None = None
    offered: list[str] = Field(default=[])
    """The tools offered, by name."""
    shown: list[str] = Field(default=[])
    """The exemplars that the model was shown, by id."""
    lessons: list[str] = Field(default=[])
    """The lessons that it was shown, by id."""
    label: dict[str, Json] = Field(default={}, exclude=True)
    no_call: bool = False
    err: bool = False
    api_match: bool | None = None
    """None without a call that can be read."""
    args_correct: bool | None = None
    """None without a call of the right tool, and where only a judge can tell."""
    called: str | None = None
    arguments: dict[str, Json] | None = None
    repairs: list[str] = Field(default=[])
    problem: str | None = None

    @property
    def text(self) -> str:
        return self.query

    @property
    def case(self) -> Case:
        """The request with its gold call."""
        return Case(self.gold.tool, self.query, self.gold.arguments)

    @property
    def predicted(self) -> Predicted:
        """The case with the reply, to be scored anew."""
        return Predicted(self.case, self.output, self.problem if self.output is None else None)

    @classmethod
    def made(cls, given: Mapping[str, Json], circumstances: Circumstances) -> Self:
        own = {name: value for name, value in given.items() if value is not None}
        reply = cls.model_validate({"output": None, **own})
        labels = reply.label or labels_of(scored(reply.case, reply.output, reply.offered))
        model = reply.model or next(iter(circumstances.models.get("output", ())), None)
        return cls.model_validate({**own, "output": reply.output, "model": model, "label": {}, **labels})


def scored(
    case: Case,
    output: str | None,
    offered: Sequence[str],
    *,
    parser: Parser = Parser.tolerant,
    rules: Rules | None = None,
) -> Label:
    """The label of a reply by rule, the tools offered (and the right one) being the legal names."""
    return label(Predicted(case, output), tuple({*offered, case.tool}), parser=parser, rules=rules)


def labels_of(of: Label) -> dict[str, Json]:
    """A label as a `reply` keeps it."""
    return {
        **of.to_json(),
        "called": of.called,
        "arguments": None if of.arguments is None else dict(of.arguments),
        "repairs": list(of.repairs),
        "problem": of.problem,
    }
