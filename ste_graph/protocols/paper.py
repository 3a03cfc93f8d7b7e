"""The released code's reading of a reply, quirks and all, for reproducing its tables; `react` is the one to use.

Source: `parse_response` in STE/utils.py of microsoft/simulated-trial-and-error (read, then written anew; the problems
are in our own words).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed, NextStep
from ste_graph.suggest import nearest


def parse(text: str, *, tools: Sequence[str] | None = None, closest: bool = False, tokens: bool = False) -> NextStep:
    """Read a reply as the released code does.

    Its quirks: the markers count anywhere in the text and may occur only once. From the text between the first brace
    and the last, all braces at both ends are taken off and one pair is put back: so arguments that end in a nested
    object are never valid JSON, nor is text that runs on into a second object.

    Differs: there, the caller reads the JSON (the notebook that scores, or the tool); here it is part of the answer.

    Args:
        text: The reply.
        tools: The legal names; None lets every name pass.
        closest: True to take another name for the legal one that is spelt most like it, as when the test is scored;
            else it is refused, as in exploration.
        tokens: True if names are written `<tool_NAME>`, as by the fine-tuned models.
    """
    before, *answers = text.split("Final Answer:")
    if answers:
        text = before.strip()
        if "Action Input:" not in text:
            return FinalAnswer(text, answers[0].strip())
    if text.count("Action Input:") != 1:
        return Malformed("", "Write exactly one `Action Input:`, or a `Final Answer:`.")
    head, body = (_trim(part) for part in text.split("Action Input:"))
    if head.count("Action:") != 1:
        return Malformed("", "Write exactly one `Action:`, in front of `Action Input:`.")
    thought, name = (_trim(part) for part in head.split("Action:"))
    if tokens:
        name = name.replace("<tool_", "").strip("<>")
    if closest and tools and name not in tools:
        name = nearest(name, tools) or name
    if tools is not None and name not in tools:
        return Malformed(thought, f"After `Action:` write the name of one of the tools: {', '.join(sorted(tools))}.")
    first, last = body.find("{"), body.rfind("}")
    if not 0 <= first < last:
        return Malformed(thought, "After `Action Input:` write one JSON object, in braces.")
    try:
        arguments = json.loads("{" + body[first : last + 1].strip("{}") + "}")
    except (ValueError, RecursionError) as error:
        return Malformed(thought, f"The action input is not a JSON object ({error}).")
    return Action(thought, name, arguments)


def _trim(text: str) -> str:
    r"""The text without white space around it and without line ends that are spelt out as `\n` at its end."""
    text = text.strip()
    while text.endswith("\\n"):
        text = text[:-2]
    return text.strip()
