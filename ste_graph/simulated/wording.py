"""Putting a call into a request's words, so that the request alone tells the arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from random import Random
from typing import Any

from ste_graph.plausible_strings import ISO_DATE, is_date
from ste_graph.plausible_values import resolve
from ste_graph.simulated.reading import ShownTool

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_OPENERS = (
    "Please {}.", "Can you {}?", "I need to {}.", "Could you help me to {}?", "For a report I have to {}.",
    "My colleague asked me to {}.", "I would like to {}.", "We are preparing a trip and must {}.",
    "Help me {}, please.", "For my homework I should {}.", "Before lunch I want to {}.", "A customer wants us to {}.",
    "Quick question: {}?", "While tidying my notes I had to {}.", "Our newsletter needs someone to {}.",
)  # fmt: skip
_CLAUSES = ("the {name} is {value}", "{name}: {value}", "use {value} as the {name}", "with {value} for the {name}")
_THIRD_PERSON = re.compile(
    r"([A-Z][a-z]+?)(?:(?<=ch|sh|ss|zz)es|(ie)s|(?<![su])s)"
    r"(?= (?!and|are|at|between|for|is|of|or|per|that|which)[a-z])"
)
_PLAIN = re.compile(r"[A-Za-z0-9_/+-]+(?:[.:][A-Za-z0-9_/+-]+)*")


def split_name(name: str) -> str:
    """`from_unit` and `fromUnit` as `from unit`."""
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)).strip().lower() or name


def words_in(text: str) -> frozenset[str]:
    """The words of a text, each once, in small letters."""
    return frozenset(re.findall(r"\w+", text.lower()))


def share_common(words: frozenset[str], others: frozenset[str]) -> float:
    """The share of words that two texts have in common, in [0, 1]."""
    return len(words & others) / (len(words | others) or 1)


def word_request(tool: ShownTool, arguments: Mapping[str, Any], random: Random) -> str:
    """A request in one line that a call of `tool` with `arguments` serves."""
    sentence = re.split(r"(?<=[.!?])\s|\n|; ", tool.description.strip())[0].rstrip(".!?")
    verb = _THIRD_PERSON.match(sentence)
    task = f"{verb[1]}{'y' if verb[2] else ''}{sentence[verb.end() :]}" if verb else sentence
    task = task or f"use {split_name(tool.name)}"
    task = task[0].lower() + task[1:] if not task[:2].isupper() else task
    opener = random.choice(_OPENERS).format(task)
    clauses = [
        _clause(tool, name, value, random) for name, value in sorted(arguments.items(), key=lambda _: random.random())
    ]
    details = "; ".join(clauses)
    if not details or details.startswith('"'):
        return f"{opener} {details}".strip()
    return f"{opener} {details[0].upper()}{details[1:]}."


def _clause(tool: ShownTool, name: str, value: Any, random: Random) -> str:
    form = random.choice(_CLAUSES)
    return form.format(name=split_name(name), value=word_value(value, tool.properties.get(name, {}), random))


def word_value(value: Any, schema: Mapping[str, Any], random: Random) -> str:
    """A value as a person would write it: days in words, texts in quotes unless they are one plain word."""
    if isinstance(value, str):
        if is_date(resolve(schema)) and ISO_DATE.fullmatch(value):
            return random.choice((value, date_in_words(value)))
        if _PLAIN.fullmatch(value):
            return value
        for quote in '"`':
            if quote not in value and "\n" not in value and "\\" not in value:
                return f"{quote}{value}{quote}"
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False)


def date_in_words(iso: str) -> str:
    """`2024-05-03` as `3 May 2024`."""
    year, month, day = iso.split("-")
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}"
