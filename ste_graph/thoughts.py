"""The thoughts that a reasoning model writes before its reply, in whatever brackets its family uses."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class SplitText(NamedTuple):
    """A model's text, taken apart: its thoughts, and what it says; not `closed` if they were cut off."""

    thought: str
    rest: str
    closed: bool = True


def split_thoughts(text: str) -> SplitText:
    """The thoughts at the start of a text, and the text after them, which keeps its tags where they are data.

    A block can be at the start of the text, or at the start of a line before anything is called or answered. Chat
    templates may open the block for the model, so that the text has only its end.
    """
    if not _SIGN.search(text):
        return SplitText("", text)
    thoughts: list[str] = []
    kept: list[str] = []
    position = 0
    while opening := _find_opening(text, position, anywhere=bool(thoughts)):
        kept.append(text[position : opening.start()])
        closing = _closing(opening).search(text, opening.end())
        thoughts.append(text[opening.end() : closing.start() if closing else len(text)].strip())
        if closing is None:
            return SplitText(_join(thoughts), "".join(kept).strip(), closed=False)
        position = closing.end()
    if (end := _lone_closing(text, position)) is not None:
        thoughts.append("".join([*kept, text[position : end.start()]]).strip())
        kept, position = [], end.end()
    if not thoughts:
        return SplitText("", text)
    return SplitText(_join(thoughts), ("".join(kept) + text[position:]).strip())


def _find_opening(text: str, position: int, *, anywhere: bool) -> re.Match[str] | None:
    """The next opening at a place where a block can begin: after other blocks also within a line."""
    opening = _OPENING.match(text, position) or (_OPENING_IN_LINE if anywhere else _OPENING_LINE).search(text, position)
    return opening if opening and not _MARKED.search(text, position, opening.start()) else None


def _lone_closing(text: str, position: int) -> re.Match[str] | None:
    """The last end of a block that has no beginning, unless it is data."""
    found, marked = None, None
    opened = _OPENING_IN_LINE.search(text, position)
    for closing in _CLOSING.finditer(text, position, opened.start() if opened else len(text)):
        if marked is None:
            marked = _MARKED.search(text, position, closing.start()) is not None
        ends_line = text[closing.end() : closing.end() + 1] in ("", "\n", "\r")
        starts_line = not text[text.rfind("\n", position, closing.start()) + 1 : closing.start()].strip()
        if ends_line or starts_line or not marked:
            found = closing
    return found


def _join(thoughts: list[str]) -> str:
    return "\n".join(filter(None, thoughts))


def _closing(opening: re.Match[str]) -> re.Pattern[str]:
    """The end of the block."""
    if opening["channel"]:
        return _CHANNEL_END
    tag = opening["tag"].lower()
    closing = _PAIRS.get(tag) or f"{tag[0]}/{tag[1:]}"
    return re.compile(re.escape(closing), re.IGNORECASE)


_NAMES: Final = (
    "think|thinking|thoughts?|reasoning|reason|reflection|scratchpad|analysis|internal_?monologue|seed:think"
)
_PAIRS: Final = {
    "\u25c1think\u25b7": "\u25c1/think\u25b7",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|start_thinking|>": "<|end_thinking|>",
    "<unused94>": "<unused95>",
}
_TAG: Final = (
    rf"(?P<tag><(?:{_NAMES})>|\[(?:think|thinking|reasoning)\]|\u25c1think\u25b7|<\|begin_of_thought\|>"
    r"|<\|start_thinking\|>|<unused94>)"
    r"|(?P<channel>(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*analysis\s*(?:<\|message\|>|\Z))"
)
_SIGN = re.compile(
    rf"[<\[\u25c1]/?(?:(?:{_NAMES})[>\]\u25b7]|\|channel|\|begin_of_|\|start_th|\|end_(?:of_)?th|unused94)",
    re.IGNORECASE,
)
"""One of these is in every beginning and every end of a block: a quick test that spares the search."""
_OPENING = re.compile(rf"\s*+(?:{_TAG})", re.IGNORECASE)
_OPENING_IN_LINE = re.compile(_TAG, re.IGNORECASE)
_OPENING_LINE = re.compile(rf"^[ \t]*+(?:{_TAG})", re.IGNORECASE | re.MULTILINE)
_CLOSING = re.compile(
    rf"</(?:{_NAMES})>|\[/(?:think|thinking|reasoning)\]|\u25c1/think\u25b7|<\|end_of_thought\|>|<\|end_thinking\|>",
    re.IGNORECASE,
)
_CHANNEL_END = re.compile(r"(?:<\|end\|>\s*)?(?=<\|start\|>|<\|channel\|>)|<\|(?:end|return)\|>")
_MARKED = re.compile(r"[{]|\b(?:action|final[ _]?answer)\b[ \t*_`]*+[:\uff1a]|<tool_call|\[TOOL_CALLS", re.IGNORECASE)
