"""The wording of a request: its words, with the values of its call taken out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ste_graph.contracts import Json
from ste_graph.distil.clusters import Apart, separation_keys
from ste_graph.distil.example import Example
from ste_graph.distil.grounding import ground
from ste_graph.distil.reading.normalisation import words
from ste_graph.distil.reading.request import parse_request

_VALUE = " 0 "  # no number is left in a wording, so that this word stands for nothing else


def read_wording(query: str, arguments: Mapping[str, Json], parameters: Mapping[str, Json]) -> str:
    """The words of a request in their order, `0` for each value of its call, and for each number, day, time and quote.

    A small number in words that is not a value (`make one that …`) is a word like any other.
    Two requests with the same wording differ in their values alone.
    """
    request = parse_request(query)
    small = {number.start for number in request.numbers if number.spelled and max(map(abs, number.values)) < 3}
    spans = [*ground(arguments, parameters, query).spans, *request.quotes]
    spans += [span for span in request.mentions if span.start not in small]
    text, done = "", 0
    for start, end in sorted(spans):
        text += request.plain[done:start] + _VALUE if start >= done else ""
        done = max(done, end)
    return " ".join(_join_values(words(text + request.plain[done:]).split()))


def request_keys(query: str, arguments: Mapping[str, Json], parameters: Mapping[str, Json], apart: Apart) -> set[str]:
    """The keys that a request and its call may not share with those on the other side, see `separation_keys`."""
    found = separation_keys(arguments, parameters, apart)
    return found | {f"wording {read_wording(query, arguments, parameters)}"} if apart == "wording" else found


def _join_values(parts: Iterable[str]) -> Iterable[str]:
    last = None
    for part in parts:
        if not part == last == "0":
            yield part
        last = part


class WordingCount(NamedTuple):
    """The number of requests that are held out, and of those that differ from one to learn from in values alone."""

    heldout: int
    alike: int

    @property
    def text(self) -> str:
        """The count for a person."""
        if not self.alike:
            return f"{self.heldout:,} requests; each differs in its wording from those to learn from"
        return (
            f"{self.heldout:,} requests; {self.alike:,} differ from one to learn from in their values alone, and test "
            "no other wording (`apart: wording`)"
        )


def count_wordings(examples: Iterable[Example]) -> WordingCount:
    """Counts the requests for a call that are held out, and those whose wording some request of their tool has."""
    learnt: set[tuple[str, str]] = set()
    held: list[tuple[str, str]] = []
    for example in examples:
        if example.kind != "call":
            continue
        key = (example.definition.name, read_wording(example.query, example.arguments, example.definition.parameters))
        if example.split == "heldout":
            held.append(key)
        else:
            learnt.add(key)
    return WordingCount(len(held), sum(key in learnt for key in held))
