"""The released code's reading of a reply, quirks and all, for reproducing its tables; `react` is the one to use.

Source: `parse_response` in STE/utils.py of microsoft/simulated-trial-and-error (read, then written anew; the problems
are in our own words).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches

from ste_graph.protocols.react import Action, FinalAnswer, Malformed, NextStep


def parse(text: str, *, tools: Sequence[str] | None = None, closest: bool = False, tokens: bool = False) -> NextStep:
    """What the released code takes a reply for.

    Its quirks: the markers count anywhere in the text and may stand only once. Of what stands between the first brace
    and the last, all braces at both ends are taken off and one pair is put back: so arguments that end in a nested
    object are never valid JSON, nor is what runs on into a second object.

    Differs: there, the caller reads the JSON (the notebook that scores, or the tool); here it is part of the answer.

    Args:
        text: The reply.
        tools: The legal names; None lets every name pass.
        closest: Whether another name stands for the legal one that is spelt most like it, as when the test is scored;
            else it is refused, as in exploration.
        tokens: Whether names are written `<tool_NAME>`, as by the fine-tuned models.
    """
    before, *answers = text.split("Final Answer:")
    if answers:
        text = before.strip()
        if "Action Input:" not in text:
            return FinalAnswer(text, answers[0].strip())
    if text.count("Action Input:") != 1:
        return Malformed("", "Write exactly one `Action Input:`, or a `Final Answer:`.")
    head, body = (_trimmed(part) for part in text.split("Action Input:"))
    if head.count("Action:") != 1:
        return Malformed("", "Write exactly one `Action:`, in front of `Action Input:`.")
    thought, name = (_trimmed(part) for part in head.split("Action:"))
    if tokens:
        name = name.replace("<tool_", "").strip("<>")
    if closest and tools and name not in tools:
        name = next(iter(get_close_matches(name, tools, n=1, cutoff=0.001)), name)
    if tools is not None and name not in tools:
        return Malformed(thought, f"Behind `Action:` write the name of one of the tools: {', '.join(sorted(tools))}.")
    first, last = body.find("{"), body.rfind("}")
    if not 0 <= first < last:
        return Malformed(thought, "Behind `Action Input:` write one JSON object, in braces.")
    try:
        arguments = json.loads("{" + body[first : last + 1].strip("{}") + "}")
    except (ValueError, RecursionError) as fault:
        return Malformed(thought, f"The action input is not a JSON object ({fault}).")
    return Action(thought, name, arguments)


def _trimmed(text: str) -> str:
    r"""Without white space and without line ends spelt out as `\n` behind it."""
    text = text.strip()
    while text.endswith("\\n"):
        text = text[:-2]
    return text.strip()
