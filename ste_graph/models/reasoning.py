"""What a reasoning model says to itself before its reply."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think>.*?</think>", re.DOTALL)
_MARK = re.compile(r"</?think>")


def spoken(text: str) -> str:
    """A reply without its `<think>…</think>`; where nothing else is left, the thought is the reply.

    Chat templates may open the block for the model, so that only its end stands in the reply. A block without an end
    was cut off, and there is no reply behind it.
    """
    if "think>" not in text:
        return text
    said = _BLOCK.sub("", text)
    said = said.rpartition("</think>")[2].partition("<think>")[0].strip()
    return said or _MARK.sub("", text).strip()
