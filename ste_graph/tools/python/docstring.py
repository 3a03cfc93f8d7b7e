"""A function's docstring in Google's, Sphinx's or NumPy's style: its description, and that of each parameter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

TITLES = (
    r"args|attributes|((other|keyword) )?(arg(ument)?s|parameters)|examples?|notes?|raises|references|returns|see also"
    r"|warn(ing)?s|yields?"
)
GOOGLE = re.compile(rf"({TITLES}):", re.IGNORECASE)
NUMPY = re.compile(TITLES, re.IGNORECASE)
UNDERLINE = re.compile(r"-{3,}")
SPHINX = re.compile(r":(\w+)(?:\s+([^:]*))?:\s*(.*)")
SPHINX_PARAMETERS = ("param", "parameter", "arg", "argument", "key", "keyword")
GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")


def parse_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The text of a docstring before its first section or field, and the descriptions of parameters by name."""
    lines = [line.rstrip() for line in (inspect.getdoc(function) or "").splitlines()]
    starts = [at for at in range(len(lines)) if _find_title(lines, at) or SPHINX.fullmatch(lines[at])]
    text = "\n".join(lines[: starts[0] if starts else len(lines)]).strip()
    described: dict[str, str] = {}
    for start, end in pairwise([*starts, len(lines)]):
        described |= _describe_section(lines[start:end])
    return text, described


def _find_title(lines: Sequence[str], at: int) -> str | None:
    """The title of the section that begins at a line; None where none does."""
    if GOOGLE.fullmatch(lines[at]):
        return lines[at][:-1].lower()
    is_underlined = at + 1 < len(lines) and UNDERLINE.fullmatch(lines[at + 1])
    return lines[at].lower() if is_underlined and NUMPY.fullmatch(lines[at]) else None


def _describe_section(lines: Sequence[str]) -> dict[str, str]:
    """The descriptions in a section, which its title or its field begins."""
    title = _find_title(lines, 0)
    if title is None:
        field = SPHINX.fullmatch(lines[0])
        words = (field[2] or "").split() if field and field[1] in SPHINX_PARAMETERS else []
        text = " ".join([field[3] if field else "", *(line.strip() for line in lines[1:])]).strip()
        return {words[-1].lstrip("*\\"): text} if words and text else {}
    if "arg" not in title and "parameter" not in title:
        return {}
    is_numpy = not GOOGLE.fullmatch(lines[0])
    return _describe_entries(lines[2:], NUMPY_ENTRY) if is_numpy else _describe_entries(lines[1:], GOOGLE_ENTRY)


def _describe_entries(lines: Sequence[str], entry: re.Pattern[str]) -> dict[str, str]:
    """The descriptions of entries; a line that is indented further than the first continues the one before."""
    found: dict[str, list[str]] = {}
    indent, names = None, list[str]()
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if indent is None and line.strip():
            indent = depth
        match = entry.fullmatch(line.strip()) if depth == indent and line.strip() else None
        if match:
            names = [name.strip().lstrip("*") for name in match[1].split(",")]
            found |= {name: [match[2].strip()] if entry.groups > 1 else [] for name in names}
        else:
            for name in names if line.strip() else ():
                found[name].append(line.strip())
    return {name: text for name, parts in found.items() if (text := " ".join(filter(None, parts)))}
