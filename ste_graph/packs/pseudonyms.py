"""Pseudonyms: other values in place of those of a tool, the same one everywhere."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ste_graph.contracts import Json
from ste_graph.json_values import map_leaves
from ste_graph.packs.values import ANSWER, PackData, ToolValue, find_values, texts_of

SHORTEST: Final = 3
"""Letters and digits of a value that is replaced, at least: `km` or `7` tells nobody apart."""

LONG: Final = 6
"""Letters and digits from which on a value is also replaced within a word: a tool may glue it to others."""

_IDEOGRAPHS = "\u2e80"
_KEPT_WORDS = frozenset({"http", "https", "www", "com", "org", "net", "true", "false", "null", "none"})
_WORD = re.compile(r"[^\W\d_]+|\d+")
_TELLING = re.compile(r"\S*(?:[^\W\d_a-zß-öø-ÿ]|\d|@)\S*")
"""A word of prose with a capital, a digit or an `@`: a name, a number, an address."""
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?|\d{1,2}:\d{2}(?::\d{2})?"
)
_NUMBER = re.compile(r"[-+]?\d{1,3}(?:[.,]?\d{3})*(?:[.,]\d+)?%?")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


class Pseudonyms:
    """The pseudonyms of some values, drawn by a `key` that nobody keeps.

    A pseudonym has the shape of its value: letters stand for letters, digits for digits, and the rest stays. The same
    word always has the same one, in capitals or not. `replaced` are the values, `left` those that stay: numbers, dates,
    short ones, and what the definitions of the tools say themselves.
    """

    def __init__(self, values: Iterable[str], public: str, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._words: dict[str, str] = {}
        self._taken: set[str] = set()
        wanted = sorted({value.strip() for value in values if value.strip()}, key=lambda value: (-len(value), value))
        known = public.casefold()
        self.replaced = [value for value in wanted if _is_telling(value) and not _is_in(value.casefold(), known)]
        replaced = frozenset(self.replaced)
        self.left = [value for value in wanted if value not in replaced]
        choices = "|".join(map(_choice, self.replaced))
        self._pattern = re.compile(choices, re.IGNORECASE) if choices else None

    @classmethod
    def of(cls, data: PackData, key: bytes | None = None) -> Pseudonyms:
        """The pseudonyms of the values in a pack."""
        public = "\n".join(
            text
            for tool in data.definitions.values()
            for text in texts_of([tool.name, tool.description, tool.parameters])
        )
        return cls((text for found in find_values(data) for text in _parts(found)), public, key)

    def replace(self, text: str) -> str:
        """The text with a pseudonym for each value."""
        return self._pattern.sub(lambda match: self._shape(match[0]), text) if self._pattern else text

    def replace_data(self, value: Json) -> Json:
        """Plain data with pseudonyms in every text; keys stay."""
        return map_leaves(value, lambda leaf: self.replace(leaf) if isinstance(leaf, str) else leaf)

    def apply(self, data: PackData) -> PackData:
        """The content of a pack, with pseudonyms, and without the model's own words: its thoughts and answers."""
        return PackData(
            exemplars=[self._exemplar(exemplar) for exemplar in data.exemplars],
            lessons=[
                {**self._record(lesson), "tool": lesson["tool"], "argument": lesson["argument"]}
                for lesson in data.lessons
            ],
            cases=[{**self._record(case), "gold": self._call(case["gold"])} for case in data.cases],
            guideline={tool: self.replace(text) for tool, text in data.guideline.items()},
            descriptions={
                tool: own.model_validate(self._record(own.model_dump())) for tool, own in data.descriptions.items()
            },
            definitions=data.definitions,
        )

    def remains(self, value: Json) -> list[str]:
        """The values that still occur in plain data."""
        found = {match[0] for text in texts_of(value) if self._pattern for match in self._pattern.finditer(text)}
        made = set(self._words.values())
        return sorted(text for text in found if not all(word.casefold() in made for word in _WORD.findall(text)))

    def _exemplar(self, exemplar: dict[str, Json]) -> dict[str, Json]:
        calls = [
            {
                **self._record(call),
                "action": call["action"],
                "thought": None,
                "reply": None,
            }
            for call in exemplar["calls"]
        ]
        return {**exemplar, "query": self.replace(exemplar["query"]), "calls": calls, "answer": None}

    def _call(self, gold: Mapping[str, Json]) -> dict[str, Json]:
        return {"tool": gold["tool"], "arguments": self.replace_data(gold["arguments"])}

    def _record(self, record: Mapping[str, Json]) -> dict[str, Json]:
        return {key: self.replace_data(value) for key, value in record.items()}

    def _shape(self, value: str) -> str:
        return _WORD.sub(lambda match: _with_case(match[0], self._word(match[0].casefold())), value)

    def _word(self, word: str) -> str:
        """The pseudonym of a word in small letters; no two words share one, as far as there are enough."""
        if word in _KEPT_WORDS:
            return word
        attempt = 0
        while word not in self._words:
            made = _draw(
                hmac.new(self._key, f"{attempt}:{word}".encode("utf-8", "replace"), hashlib.sha512).digest(), word
            )
            if (made not in self._taken and made != word) or attempt > 99:
                self._words[word] = made
                self._taken.add(made)
            attempt += 1
        return self._words[word]


def _parts(found: ToolValue) -> Iterator[str]:
    """The texts of a value that are replaced: the whole, or of prose in an answer the words that tell something."""
    if not isinstance(found.value, str):
        return
    if found.place == ANSWER or " " in found.value.strip():
        yield from (word.strip(".,;:!?()[]{}\"'") for word in _TELLING.findall(found.value))
    if found.place != ANSWER:
        yield found.value


def _is_telling(value: str) -> bool:
    if _DATE.fullmatch(value) or _NUMBER.fullmatch(value):
        return False
    return _weight(value) >= SHORTEST and value.casefold() not in _KEPT_WORDS


def _choice(value: str) -> str:
    """The pattern of a value: a short one as words of its own, a long one also where it is glued to others."""
    written = re.escape(value)
    return written if _weight(value) >= LONG else rf"(?<![^\W_]){written}(?![^\W_])"


def _weight(value: str) -> int:
    """The letters and digits of a value; one of a script that writes whole words with one counts for three."""
    return sum(3 if char >= _IDEOGRAPHS else 1 for char in value if char.isalnum())


def _is_in(word: str, text: str) -> bool:
    """True if a value occurs as words of its own in a text."""
    return word in text and re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text) is not None


def _draw(data: bytes, word: str) -> str:
    """A word of the same length from random bytes: digits for digits, else sounds that can be read."""
    stream = (data * (len(word) // len(data) + 1))[: len(word)]
    if word.isdigit():
        first = "123456789"[stream[0] % 9]
        return first + "".join(str(byte % 10) for byte in stream[1:])
    return "".join(
        (_CONSONANTS if place % 2 == 0 else _VOWELS)[byte % (14 if place % 2 == 0 else 5)]
        for place, byte in enumerate(stream)
    )


def _with_case(like: str, word: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
