"""The thoughts that a reasoning model writes before its reply."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think>.*?</think>", re.DOTALL)
_MARK = re.compile(r"</?think>")


def split_reasoning(text: str) -> tuple[str, str]:
    """A reply without its `<think>…</think>`, and the thoughts in them.

    Chat templates may open the block for the model, so that only its end is in the reply. A block without an end was
    cut off, and no reply follows it.
    """
    if "think>" not in text:
        return text, ""
    thoughts = _BLOCK.findall(text)
    opened, end, rest = _BLOCK.sub("", text).rpartition("</think>")
    reply, start, cut_off = rest.partition("<think>")
    thoughts = [*([opened] if end else []), *thoughts, *([cut_off] if start else [])]
    return reply.strip(), "\n".join(thought for part in thoughts if (thought := _MARK.sub("", part).strip()))
