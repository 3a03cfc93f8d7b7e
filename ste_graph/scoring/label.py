"""What is right and wrong about one reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.protocols.react import Action, Answer, Malformed
from ste_graph.scoring.case import Case, Predicted
from ste_graph.scoring.comparison import Rules
from ste_graph.scoring.judging import Question, Verdicts
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.reading import Reading, read

DecidedBy: TypeAlias = Literal["rule", "judge"]


@dataclass(frozen=True, slots=True)
class Label:
    """The paper's four labels of a reply, and what stands behind them.

    A label is None where it does not apply: `api_match` without a call, `args_correct` without the right tool. Where
    `args_correct` needs a verdict that is not there, it is None and `question` is what the judge has to be asked.
    Where no call is wanted (`wants_call` is False), only a reply that makes none is right; one that cannot be read is
    an error there too.
    """

    case: Case
    no_call: bool
    err: bool
    api_match: bool | None = None
    args_correct: bool | None = None
    called: str | None = None
    arguments: Mapping[str, Json] | None = None
    repairs: tuple[str, ...] = ()
    problem: str | None = None
    question: Question | None = None
    by: DecidedBy | None = None
    wants_call: bool = True

    @property
    def correct(self) -> bool | None:
        """Whether it is the right call, or rightly none; None if that hangs on a verdict that is not there."""
        if not self.wants_call:
            return self.no_call
        return None if self.question else bool(self.api_match and self.args_correct)

    @property
    def extra(self) -> tuple[str, ...]:
        """The arguments that the call has beyond those of the gold call, if it is to the right tool."""
        if not self.api_match or self.arguments is None:
            return ()
        return tuple(name for name in self.arguments if name not in self.case.arguments)

    def own(self) -> dict[str, Json]:
        """All of it but the case, as plain data: `Label(case, **label.own())` is the label again.

        Not for a label that waits for a verdict.
        """
        names = [field.name for field in fields(self) if field.name not in ("case", "question")]
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, bool | None]:
        """The four labels."""
        return {
            "no_call": self.no_call,
            "err": self.err,
            "api_match": self.api_match,
            "args_correct": self.args_correct,
        }


def label(
    predicted: Predicted,
    tools: Sequence[str],
    *,
    parser: Parser = Parser.tolerant,
    closest: bool = False,
    rules: Rules | None = None,
    verdicts: Verdicts | None = None,
) -> Label:
    """The labels of one reply; a reply that is not there is an error. `tools` are the legal names."""
    if predicted.output is None:
        return Label(predicted.case, no_call=False, err=True, problem=predicted.problem or "there is no reply")
    reading = read(predicted.output, tools, parser, closest=closest)
    return labelled(predicted.case, reading, rules=rules, verdicts=verdicts, verdict=predicted.verdict)


def labelled(
    case: Case,
    reading: Reading,
    *,
    rules: Rules | None = None,
    verdicts: Verdicts | None = None,
    verdict: bool | None = None,
) -> Label:
    """The labels of a reply that somebody has read; `verdict` is what a judge has said of its arguments."""
    match reading.step:
        case Answer():
            return Label(case, no_call=True, err=False)
        case Malformed(problem=problem):
            return Label(case, no_call=False, err=True, problem=problem)
        case Action(name=name, arguments=arguments):
            pass
    called = Label(case, no_call=False, err=False, called=name, arguments=arguments, repairs=reading.repairs)
    if name != case.tool:
        return replace(called, api_match=False)
    right = (rules or Rules()).decide(name, case.arguments, arguments)
    if right is not None:
        return replace(called, api_match=True, args_correct=right, by="rule")
    question = Question(name, case.query, case.arguments, arguments)
    right = verdict if verdict is not None else (verdicts or Verdicts()).of(question)
    if right is not None:
        return replace(called, api_match=True, args_correct=right, by="judge")
    return replace(called, api_match=True, question=question)
