"""The time of the text protocol's parser on right replies, on slips and on the hardest texts for it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator

from ste_graph.protocols.react import parse

REPLIES = 100_000
LENGTH = 500
ALLOWED_S = 5.0


def padded(head: str, piece: str, tail: str = "") -> str:
    """A reply of `LENGTH` characters with as many pieces as there is room for."""
    room = LENGTH - len(head) - len(tail)
    return head + (piece * (room // len(piece) + 1))[:room] + tail


def call(body: str) -> str:
    return f"Thought: I can use the tool for this.\nAction: look\nAction Input: {body}"


def shapes() -> dict[str, str]:
    """Replies of one length, by what is the matter with them."""
    start = call("{")
    return {
        "right": padded(call('{"text": "'), "word ", '"}'),
        "right, many values": padded(start, '"k": 1, ', '"z": 1}'),
        "trailing comma": padded(call('{"text": "'), "word ", '",}'),
        "many values, trailing comma": padded(start, '"k": 1, ', '"z": 1,}'),
        "many values, not closed": padded(start, '"k": 1, '),
        "doubled braces": padded(call('{{"text": "'), "word ", '"}}'),
        "single quotes": padded(start, "'k': 'v', ", "'z': 1}"),
        "python literals": padded(start, "'k': True, ", "'z': None}"),
        "python literals, double quotes": padded(start, '"k": True, ', '"z": None}'),
        "unquoted keys": padded(start, "k: 1, ", "z: 1}"),
        "line breaks": padded(start, '"k": "a\nb", ', '"z": 1}'),
        "objects": padded(start, '"k": {"a": 1}, ', '"z": 1,}'),
        "nested objects": padded(start, '"k": {"a": {}}, ', '"z": 1,}'),
        "lists": padded(start, '"k": [1], ', '"z": 1,}'),
        "observation behind": padded(call('{"n": 1}\nObservation: '), "word "),
        "brace and quoted tokens": padded("Action: a\nAction Input: {", '"a"'),
        "brace and quoted tokens, spaced": padded("Action: a\nAction Input: {", '"a" '),
        "quoted tokens and commas": padded("Action: a\nAction Input: {", '"a",'),
        "quoted tokens and colons": padded("Action: a\nAction Input: {", '"a":'),
        "braces": padded("Action: a\nAction Input: ", "{"),
        "brackets": padded("Action: a\nAction Input: {", '"a":['),
        "quotes": padded("Action: a\nAction Input: {", '"'),
        "backslashes": padded('Action: a\nAction Input: {"', "\\"),
        "words": padded("Action: a\nAction Input: {", "a "),
        "commas": padded("Action: a\nAction Input: {", ","),
        "markers": padded("", "Action: "),
        "marker lines": padded("", "Action:\n"),
        "no call": padded("", "word "),
        "answer": padded("Final Answer: ", "word "),
        "blanks": padded("Action:", " "),
    }


def mixed(count: int) -> Iterator[str]:
    """Replies as models write them: most right, the others with the slips that are common."""
    draw = random.Random(0)
    for _ in range(count):
        body = json.dumps({f"k{n}": draw.choice([1, 2.5, True, "some words", ["a"]]) for n in range(12)})
        slip: Callable[[str], str] = draw.choice(
            [str, str, str, lambda text: text[:-1] + ",}", lambda text: text[:-1], lambda text: text.replace('"', "'")]
        )
        yield call(slip(body)).ljust(LENGTH)[:LENGTH]


def seconds(replies: list[str]) -> float:
    """Seconds that parsing takes, per `REPLIES` of them."""
    started = time.process_time()  # of one core, whatever else runs on the machine
    for reply in replies:
        parse(reply)
    return (time.process_time() - started) * REPLIES / len(replies)


def main() -> None:
    """Print one line per shape, the slowest last."""
    found = {name: seconds([reply] * 2000) for name, reply in shapes().items()}
    found["a mixture"] = seconds(list(mixed(5000)))
    for name, took in sorted(found.items(), key=lambda item: item[1]):
        what = f"{REPLIES:,} replies of {LENGTH} characters, {name}"
        print(f"parser: {what}: {took:.2f} s (reach: under {ALLOWED_S:g} s)")


if __name__ == "__main__":
    main()
