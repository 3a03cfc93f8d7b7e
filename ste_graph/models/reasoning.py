"""The thoughts that a reasoning model writes before its reply."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think>.*?</think>", re.DOTALL)
_MARK = re.compile(r"</?think>")


def strip_reasoning(text: str) -> str:
    """A reply without its `<think>…</think>`; where nothing else is left, the thought is the reply.

    Chat templates may open the block for the model, so that only its end is in the reply. A block without an end was
    cut off, and no reply follows it.
    """
    if "think>" not in text:
        return text
    reply = _BLOCK.sub("", text)
    reply = reply.rpartition("</think>")[2].partition("<think>")[0].strip()
    return reply or _MARK.sub("", text).strip()
