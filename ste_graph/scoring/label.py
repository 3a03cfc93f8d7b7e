"""Labels: what is right and wrong about one reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ste_graph.contracts import Frozen, Json
from ste_graph.protocols.form import Form
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.reading import read_reply
from ste_graph.scoring.rules import LabelRules

OWN_RULES: Final = "own"
"""The `rules` of a reply that was labelled by rules of its test's own, and is never labelled by others."""


class ReplyLabel(Frozen):
    """The paper's four labels of a reply, with their details. A label is None where it does not apply."""

    no_call: bool = False
    err: bool = False
    """True if the reply cannot be read, or is missing."""
    api_match: bool | None = None
    """True if the right tool is called; None without a call that can be read."""
    args_correct: bool | None = None
    """True if the arguments are right; None without a call of the right tool, and if only a judge can tell."""
    called: str | None = None
    arguments: dict[str, Json] | None = None
    repairs: tuple[str, ...] = ()
    problem: str | None = None
    """The reason why it cannot be read."""
    rules: str | None = None
    """The digest of the rules that labelled it, see `LabelRules`; None if it is not labelled."""

    def four_labels(self) -> dict[str, bool | None]:
        """The paper's labels alone."""
        return {
            "no_call": self.no_call,
            "err": self.err,
            "api_match": self.api_match,
            "args_correct": self.args_correct,
        }


def label_output(
    gold: GoldCall,
    output: str | None,
    names: Sequence[str],
    rules: LabelRules,
    *,
    form: Form = "react",
    problem: str | None = None,
) -> ReplyLabel:
    """The label of a reply by rule.

    Args:
        gold: The call that was asked for.
        output: The text of the reply; None counts as an error.
        names: The legal names of tools.
        rules: The rules for reading and comparing the reply.
        form: The form in which a call was asked for.
        problem: The reason that the text is missing.
    """
    digest = rules.digest(gold.tool, names, form)
    if output is None:
        return ReplyLabel(err=True, problem=problem or "there is no reply", rules=digest)
    parsed = read_reply(output, names, rules.parser, exact_names=rules.exact_names, form=form)
    match parsed.step:
        case FinalAnswer():
            return ReplyLabel(no_call=True, rules=digest)
        case Malformed(problem=malformed):
            return ReplyLabel(err=True, problem=malformed, rules=digest)
        case Action(name=name, arguments=arguments):
            return ReplyLabel(
                api_match=name == gold.tool,
                args_correct=rules.compare(gold, arguments) if name == gold.tool else None,
                called=name,
                arguments=dict(arguments),
                repairs=parsed.repairs,
                rules=digest,
            )
