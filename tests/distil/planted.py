"""Trials planted by rule: good ones in many wordings, and for each a bad one per way of being bad."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import Any

from num2words import num2words

TOOL = "book_room"
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date"},
        "guests": {"type": "integer", "minimum": 1},
        "city": {"type": "string"},
        "breakfast": {"type": "boolean", "default": False},
        "extras": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["day", "guests", "city"],
    "additionalProperties": False,
}
CITIES = ("Paris", "São Paulo", "New York", "Kyoto", "St. Gallen", "Addis Ababa", "Oslo")
EXTRAS = ("sauna", "parking", "late checkout", "baby cot", "sea view")
DAY_FORMS = ("%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d/%m/%Y", "%d.%m.%Y")
FRAMES = (
    "I need a room in {city} on {day} for {guests} people{rest}.",
    "Could you book something for {guests} of us? {city}, {day}{rest}!",
    "On {day} we arrive in {city}; we are {guests}{rest}.",
    "{city} calls. {guests} guests, arriving {day}{rest}",
)


def good(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Trials that should pass every gate."""
    random = Random(seed)
    for number in range(count):
        day = dt.date(2020, 1, 1) + dt.timedelta(days=random.randrange(4000))
        guests = random.randint(2, 40)
        extras = random.sample(EXTRAS, random.choice((0, 1, 2)))
        arguments: dict[str, Any] = {"day": day.isoformat(), "guests": guests, "city": random.choice(CITIES)}
        rest = f", with {' and '.join(extras)}" if extras else ""
        arguments |= {"extras": extras} if extras else {}
        if random.random() < 0.3:
            arguments["breakfast"] = random.random() < 0.5
            rest += " and breakfast" if arguments["breakfast"] else ""
        query = random.choice(FRAMES).format(
            city=random.choice((arguments["city"], arguments["city"].upper())),
            day=day.strftime(random.choice(DAY_FORMS)),
            guests=random.choice((str(guests), num2words(guests))),
            rest=rest,
        )
        yield trial(f"good-{number}", query, arguments)


def trial(id: str, query: str, arguments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One line of a journal, as far as gates look at it."""
    seen = {"ok": True, "kind": "ok", "text": f"booked {id}"}
    step = {"thought": None, "action": TOOL, "arguments": arguments, "observation": seen, "repairs": []}
    return {"id": id, "query": query, "steps": [step], "answer": "It is booked.", "model": "m", **changes}


def bad(of: dict[str, Any], random: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """The trial spoiled in every way, with the gate that should stop it."""

    def spoiled(id: str, **last: Any) -> dict[str, Any]:
        made = copy.deepcopy(of)
        made["id"] = f"{of['id']}-{id}"
        made["steps"][-1] |= last
        return made

    arguments = of["steps"][-1]["arguments"]
    failed = {"ok": False, "kind": "tool_error", "text": "no room left"}
    unread = {"ok": False, "kind": "malformed", "text": "no JSON"}
    yield "format", spoiled("unread", action=None, arguments=None, observation=unread)
    yield "format", spoiled("missing", arguments={k: v for k, v in arguments.items() if k != "city"})
    yield "format", spoiled("extra", arguments={**arguments, "colour": "red"})
    yield "format", spoiled("type", arguments={**arguments, "guests": "many"})
    yield "format", {**spoiled("unfinished"), "answer": None}
    yield "execution", spoiled("failed", observation=failed)
    yield "execution", spoiled("nothing", observation=None)
    other = random.choice([city for city in CITIES if city != arguments["city"]])
    later = dt.date.fromisoformat(arguments["day"]) + dt.timedelta(days=random.randint(1, 300))
    yield "grounding", spoiled("city", arguments={**arguments, "city": other})
    yield "grounding", spoiled("day", arguments={**arguments, "day": later.isoformat()})
    yield "grounding", spoiled("guests", arguments={**arguments, "guests": arguments["guests"] + 60})
    yield "grounding", spoiled("invented", arguments={**arguments, "extras": ["champagne"]})


def reworded(of: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """The trial's request in other words: whether it should pass, and how it reads."""
    arguments = of["steps"][-1]["arguments"]
    day = dt.date.fromisoformat(arguments["day"])
    extras = " plus ".join(arguments.get("extras", []))
    breakfast = " Breakfast too: yes." if arguments.get("breakfast") else ""
    party = f"{num2words(arguments['guests'])} guests in {arguments['city']}"
    yield True, f"Room wanted! {party}, {day:%B} {day.day}, {day.year}. {extras}{breakfast}"
    yield True, f"Please reserve for {arguments['guests']}: {day:%d %b %Y}, {arguments['city']} {extras}{breakfast}"
    yield False, f"Room wanted, {party}. {extras}{breakfast}"
    yield False, f"Room wanted! {party}, {day + dt.timedelta(days=31):%d %B %Y}. {extras}{breakfast}"
    yield False, f"Room wanted! {arguments['guests'] + 50} in {arguments['city']}, {day:%d %B %Y} {extras}{breakfast}"
    yield False, f"Room wanted! {party} on {day:%d %B %Y} with 99 chairs. {extras}{breakfast}"
