"""Python literals and calls as text: on one line where they fit, else an item per line, as ruff formats them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

WIDTH: Final = 120
"""The longest line."""


@dataclass(frozen=True, slots=True)
class Group:
    """Items between brackets, each with the text before it (`key=`, `"key": ` or nothing)."""

    opening: str
    items: Sequence[tuple[str, Text]]
    closing: str


@dataclass(frozen=True, slots=True)
class Words:
    """A text, as a literal that may be broken between its words."""

    text: str


Text: TypeAlias = "str | Words | Group"
"""A piece of code; a plain text cannot be broken."""


def render_code(text: Text, *, indent: int = 0, before: int = 0, after: int = 1, broken: bool = False) -> str:
    """A piece of code, which comes after `before` characters of its line and ahead of `after` more.

    With `broken` it has an item per line even where it would fit on one.
    """
    flat = join_on_one_line(text)
    fits = before + len(flat) + after <= WIDTH and "\n" not in flat
    if isinstance(text, str) or (fits and not broken):
        return flat
    if isinstance(text, Words):
        return _break_text(text.text, indent)
    if not text.items:
        return text.opening + text.closing
    inner = indent + 4
    lines = [
        f"{' ' * inner}{prefix}{render_code(item, indent=inner, before=inner + len(prefix))},\n"
        for prefix, item in text.items
    ]
    return f"{text.opening}\n{''.join(lines)}{' ' * indent}{text.closing}"


def join_on_one_line(text: Text) -> str:
    """A piece of code on one line."""
    if isinstance(text, str):
        return text
    if isinstance(text, Words):
        return string_literal(text.text)
    return text.opening + ", ".join(prefix + join_on_one_line(item) for prefix, item in text.items) + text.closing


def assign(name: str, text: Text) -> str:
    """The statement `name = …`."""
    return f"{name} = {render_code(text, before=len(name) + 3, after=0)}"


def call_code(name: str, arguments: Sequence[tuple[str, Text]]) -> Group:
    """A call with keyword arguments; without a keyword where that is empty."""
    return Group(f"{name}(", [(f"{key}=" if key else "", value) for key, value in arguments], ")")


def mapping(items: Sequence[tuple[str, Text]]) -> Group:
    """A dict with texts as keys."""
    return Group("{", [(f"{string_literal(key)}: ", value) for key, value in items], "}")


def sequence(items: Sequence[Text]) -> Group:
    """A list."""
    return Group("[", [("", item) for item in items], "]")


def tuple_of(items: Sequence[Text]) -> Group:
    """A tuple; a single item keeps its comma."""
    if len(items) == 1:
        return Group("(", [("", f"{join_on_one_line(items[0])},")], ")")
    return Group("(", [("", item) for item in items], ")")


def string_literal(text: str) -> str:
    """A text as a literal, in double quotes unless these would need more escapes."""
    if '"' not in text:
        return '"' + repr(f"'{text}")[2:]
    if text.count('"') > text.count("'"):
        return repr(text) if "'" not in text else "'" + repr(f'"{text}').removeprefix("'")[1:]
    return '"' + repr(f"'{text}")[1:-1].removeprefix("\\'").replace("\\'", "'").replace('"', '\\"') + '"'


def _break_text(text: str, indent: int) -> str:
    """A literal between parentheses, in as many pieces as it needs."""
    margin = " " * (indent + 4)
    pieces = "\n".join(f"{margin}{string_literal(piece)}" for piece in _split(text, WIDTH - len(margin)))
    return f"(\n{pieces}\n{' ' * indent})"


def _split(text: str, size: int) -> Iterator[str]:
    """Pieces of a text as literals of at most so many characters, which end after a space if there is one."""
    while len(string_literal(text)) > size:
        end = size - (len(string_literal(text[:size])) - size)
        space = text.rfind(" ", end // 2, end)
        end = space + 1 if space > 0 else max(end, 1)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def docstring(text: str, indent: int = 4) -> list[str]:
    """A docstring of one sentence, on as many lines as it needs."""
    margin = " " * indent
    words = text.replace("\\", "\\\\").replace('"""', "'''").split()
    lines: list[str] = []
    for word in words:
        if lines and len(margin) + len(lines[-1]) + 1 + len(word) <= WIDTH - (3 if len(lines) > 1 else 6):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if not lines:
        return []
    if lines[-1].endswith('"'):
        lines[-1] += " "
    if len(lines) == 1:
        return [f'{margin}"""{lines[0]}"""']
    return [f'{margin}"""{lines[0]}', *(f"{margin}{line}" for line in lines[1:]), f'{margin}"""']
