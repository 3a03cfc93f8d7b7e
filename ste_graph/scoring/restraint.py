"""Restraint: whether a reply makes no call where none is right, and asks back where a value is missing."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

CaseKind: TypeAlias = Literal["call", "ask", "none"]
"""The right response in a case: a call, a question about a value that is missing, or no call at all."""

_ATTEMPT: Final = re.compile(
    r"\{\s*[\"']|\"(?:action|name|tool|function|arguments|parameters)\"\s*:|<\|?(?:tool_call|python_tag)|\[TOOL_CALLS\]"
    r"|^\s*Action(?: Input)?:",
    re.MULTILINE,
)
"""The marks of a call, also of one that cannot be read."""

_QUESTION: Final = re.compile(
    r"\?|\b(?:please (?:give|provide|tell|specify|state|enter|share|let|clarify|confirm|say)|could you|can you|tell me"
    r"|let me know|need to know|need (?:the|your|a|an|one|more)|(?:is|are) missing|missing)\b",
    re.IGNORECASE,
)
"""The marks of a text that asks for something."""


def shows_restraint(kind: CaseKind, output: str | None, called: str | None) -> bool:
    """True if a reply makes no call in a case where none is right, and asks back if `kind` is `ask`.

    A call that cannot be read is still a call, and silence is not an answer.

    Args:
        kind: The right response in the case.
        output: The text of the reply.
        called: The tool that the reply calls, if it can be read as a call.
    """
    if called is not None or output is None or not output.strip() or _ATTEMPT.search(output):
        return False
    return kind == "none" or _QUESTION.search(output) is not None
