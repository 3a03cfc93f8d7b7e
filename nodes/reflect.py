"""Reflect: the model says whether the request was fulfilled."""

from __future__ import annotations

import re

from ste_graph.contracts import Context, Model
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompt import Prompt


class Reflect(Node):
    """Ask the model whether the request was fulfilled (STE, section 3: self-reflection)."""

    model: Model
    prompt: Prompt

    class Inputs(NodeInputs):
        """The request of the trial."""

        query: str

    class Outputs(NodeOutputs):
        """`solved` is None where the reply is neither a yes nor a no."""

        solved: bool | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt)
        return self.Outputs(solved=verdict(reply.text))


def verdict(text: str) -> bool | None:
    """Yes, no, or None for unclear.

    A verdict is the word that a reply opens with, or one that stands alone between two stops, as in `So: yes.` A "no"
    that belongs to a noun ("No errors occurred") is no verdict. Where verdicts contradict one another, the reply is unclear.

    Differs: the released code takes every text without the letters "No" for a success, and so "Not sure", "Nothing"
    and "Now" for failures.
    """
    verdicts = {word for part in _STOPS.split(text.lower()) if (word := part.strip(_EDGES)) in ("yes", "no")}
    match _WORD.findall(text.lower())[:3]:
        case ["yes", "and" | "but" | "or", "no"] | ["no", "and" | "but" | "or", "yes"]:
            return None
        case ["yes", *_]:
            verdicts.add("yes")
        case ["no", following, *_] if following in _STARTS:
            verdicts.add("no")
    return "yes" in verdicts if len(verdicts) == 1 else None


_WORD = re.compile(r"[^\W\d_]++(?:['\u2019][^\W\d_]++)?")
_STOPS = re.compile(r"[.!?,;:()/\n\u2013\u2014]|\s-\s")
_EDGES = " \t\r\"'`*_[]<>#-\u201c\u201d"
_STARTS = frozenset(
    ["as", "because", "i", "it", "my", "not", "since", "that", "the", "there", "they", "this", "we", "you"]
)
"""Words that begin a clause, so that a "no" in front of them stands for itself."""
