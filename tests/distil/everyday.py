"""Trials of the bundled tools: planted by hand, good and bad, and good ones made by rule; every call is really made."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from num2words import num2words

from ste_graph.contracts import Tool
from ste_graph.tools.python.source import PythonTools
from ste_graph.tools.toolbox import Toolbox

FILE = Path(__file__).parents[2] / "workflows" / "tools" / "everyday.py"
UNITS = [
    ("mile", "km"),
    ("kg", "pound"),
    ("week", "day"),
    ("celsius", "fahrenheit"),
    ("l", "us_gallon"),
    ("knot", "km/h"),
]
PLURALS = {
    "mile": "miles",
    "pound": "pounds",
    "week": "weeks",
    "day": "days",
    "us_gallon": "us_gallon",
    "knot": "knots",
}
ZONES = {"Berlin": "Europe/Berlin", "New York": "America/New_York", "Tokyo": "Asia/Tokyo", "Paris": "Europe/Paris"}
PEOPLE = ("Hi! ", "", "For a report: ", "Please help. ", "Quick question: ", "Before lunch I need this. ")
Case = tuple[str, str, list[dict[str, Any]]]
"""A request, the tool, and the arguments of each call."""


@cache
def toolbox() -> Toolbox:
    """The bundled tools, at a fixed time."""
    source = PythonTools(module=str(FILE), settings={"now": "2026-11-26T12:00:00Z"})
    return Toolbox(asyncio.run(source.open()))


def schema(tool: str) -> dict[str, Any]:
    """The schema of a tool's parameters."""
    found: Tool = toolbox().tools[tool]
    return dict(found.parameters)


def trial(id: str, case: Case) -> dict[str, Any]:
    """The trial of a case, with what the tools really give."""
    query, tool, calls = case
    steps = []
    for arguments in calls:
        seen = asyncio.run(toolbox().call(tool, arguments))
        observation = {"ok": seen.ok, "kind": seen.kind, "text": seen.text}
        steps.append({"thought": None, "action": tool, "arguments": arguments, "observation": observation})
    return {"id": id, "query": query, "tool": tool, "steps": steps, "answer": "Done."}


def read_planted(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The rows of a file of planted trials, `good` or not and by `way`, each with the trial that comes of its calls."""
    file = Path(__file__).with_name(f"{name}.jsonl")
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        yield row, trial(f"{name}-{number}", (row["query"], row["tool"], row["calls"]))


def good(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Trials whose last call does what the request says."""
    random = Random(seed)
    makers = [days, between, units, zones, password, number, roman, statistics, lookup]
    for place in range(count):
        yield trial(f"good-{place}", makers[place % len(makers)](random))


def day(random: Random) -> dt.date:
    return dt.date(2015, 1, 1) + dt.timedelta(days=random.randrange(5000))


def write_day(random: Random, day: dt.date) -> str:
    """A day as people write it."""
    nth = num2words(day.day, to="ordinal").replace("-", random.choice("- "))
    return random.choice(
        [day.isoformat(), f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}", f"{day:%d.%m.%Y}",
         f"the {nth} of {day:%B %Y}", f"{day:%B} {num2words(day.day, to='ordinal_num')}, {day.year}"]
    )  # fmt: skip


def write_number(random: Random, number: int) -> str:
    forms = [str(number), str(number), num2words(number)]
    if number == 2:
        forms = ["a couple of"]
    elif number % 12 == 0 and number < 60:
        forms.append(f"{num2words(number // 12)} dozen" if number > 12 else "a dozen")
    return random.choice(forms)


def days(random: Random) -> Case:
    start, count = day(random), random.choice([2, 12, 24, 36, random.randint(3, 400)])
    written = write_number(random, count)
    if random.random() < 0.35:
        text = random.choice(
            [f"Which date was {written} days before {write_day(random, start)}?",
             f"It is {write_day(random, start)}. What was the date {written} days ago?",
             f"Take {write_day(random, start)} and go back {written} days."]
        )  # fmt: skip
        count = -count
    else:
        text = random.choice(
            [f"Which date is {written} days after {write_day(random, start)}?",
             f"{write_day(random, start)} plus {written} days, please.",
             f"I was given {written} days from {write_day(random, start)}; when is that over?",
             f"Add {written} days to {write_day(random, start)}."]
        )  # fmt: skip
    return random.choice(PEOPLE) + text, "add_days", [{"date": start.isoformat(), "days": count}]


def between(random: Random) -> Case:
    start = day(random)
    end = start + dt.timedelta(days=random.randint(2, 900))
    first, last = write_day(random, start), write_day(random, end)
    weekdays = random.random() < 0.4
    what = "weekdays" if weekdays else "days"
    text = random.choice(
        [f"How many {what} are there from {first} to {last}?", f"How many {what} lie between {first} and {last}?",
         f"Count the {what} until {last}, starting {first}.",
         f"Our trip starts on {first} and ends on {last}: how many {what}?"]
    )  # fmt: skip
    arguments = {"start": start.isoformat(), "end": end.isoformat()}
    if weekdays or random.random() < 0.3:
        arguments["count"] = what
    return random.choice(PEOPLE) + text, "days_between", [arguments]


def units(random: Random) -> Case:
    source, target = random.choice(UNITS)[:: random.choice((1, -1))]
    value, written = random.choice(
        [(2.5, "two and a half"), (36, "three dozen"), (2, "a couple of"), *[(random.randint(3, 900),) * 2] * 4,
         *[(round(random.uniform(1, 90), 2),) * 2] * 3]
    )  # fmt: skip
    many, other = PLURALS.get(source, source), PLURALS.get(target, target)
    text = random.choice(
        [f"Convert {written} {many} to {target}.", f"How many {other} are {written} {many}?",
         f"What is {written} {many} in {other}?",
         f"I have {written} {many} and want {other}: from {source} to {target}.",
         f"Express {written} {many} as {other}."]
    )  # fmt: skip
    call = {"value": value, "from_unit": source, "to_unit": target}
    return random.choice(PEOPLE) + text, "convert_unit", [call]


def zones(random: Random) -> Case:
    (here, source), (there, target) = random.sample(sorted(ZONES.items()), 2)
    moment = dt.datetime.combine(day(random), dt.time(random.randint(6, 22), random.choice((0, 15, 30))))
    when, date = f"{moment:%H:%M}", write_day(random, moment.date())
    if random.random() < 0.4:
        here, there = source, target
    text = random.choice(
        [f"It is {when} on {date} in {here}. What time is it in {there}?",
         f"Convert {moment:%Y-%m-%d %H:%M} from {here} to {there}.",
         f"What is the time in {there} when it is {when} on {date} in {here}?",
         f"A call on {date} at {when} {here} time: when is that in {there}?"]
    )  # fmt: skip
    call = {"moment": f"{moment:%Y-%m-%d %H:%M}", "from_zone": source, "to_zone": target}
    return random.choice(PEOPLE) + text, "convert_time", [call]


def password(random: Random) -> Case:
    length, seed = random.choice([12, 16, 24, 36, random.randint(8, 64)]), random.randint(2, 999)
    symbols = random.choice([None, True, False])
    extra = {None: "", True: random.choice([", with symbols", " including symbols"]),
             False: random.choice([" without symbols, please", ", no symbols"])}[symbols]  # fmt: skip
    call: dict[str, Any] = {"length": length}
    if symbols is not None:
        call["symbols"] = symbols
    written = write_number(random, length)
    text = f"Make a password of {written} characters{extra}."
    if random.random() < 0.5:
        call["seed"] = seed
        text = random.choice(
            [f"Make a password of {written} characters with seed {seed}{extra}.",
             f"Seed {seed}, length {length}: a password{extra}."]
        )  # fmt: skip
    return random.choice(PEOPLE) + text, "make_password", [call]


def number(random: Random) -> Case:
    value = random.choice([random.randint(3, 3999), random.randint(10**9, 10**13)])
    language, name = random.choice([("en", "English"), ("de", "German")])
    form = random.choice(["cardinal", "ordinal", None])
    as_form = {"ordinal": " as an ordinal", "cardinal": " as a cardinal", None: ""}[form]
    text = random.choice(
        [f"Write {value} in {name} words{as_form}.", f"How do you say {value:,} in {name}{as_form}?",
         f"Spell out {value}{as_form} in {name}."]
    )  # fmt: skip
    call = {"number": value, "language": language} | ({"form": form} if form else {})
    return random.choice(PEOPLE) + text, "number_in_words", [call]


def roman(random: Random) -> Case:
    value = random.randint(3, 3999)
    written = random.choice([str(value), num2words(value)])
    text = random.choice([f"Write {written} as a Roman numeral.", f"What is {written} in Roman numerals?"])
    return random.choice(PEOPLE) + text, "to_roman", [{"number": value}]


def statistics(random: Random) -> Case:
    text = " ".join(random.sample(["moon", "cedar", "ginger", "Rain", "prairie", "winter", "river", "Oslo"], 5))
    measure, ask = random.choice(
        [("words", "How many words are in"), ("characters", "Count the characters of"),
         ("sentences", "How many sentences has"),
         ("longest_word", "What is the longest word of"), ("all", "Give me the statistics of")]
    )  # fmt: skip
    call = {"text": text} | ({} if measure == "all" else {"measure": measure})
    quote = random.choice(['"{}"', "'{}'", "`{}`", "“{}”"]).format(text)
    return random.choice(PEOPLE) + f"{ask} {quote}?", "text_statistics", [call]


def lookup(random: Random) -> Case:
    title, other = random.sample(["Emma", "Ulysses", "Dracula", "Ivanhoe"], 2)
    document = f'{{"books": [{{"title": "{title}"}}, {{"title": "{other}"}}]}}'
    path = random.choice(["$.books[0].title", "$.books[1].title", "$.books[*].title", "$.books"])
    text = random.choice(
        [f'Look up "{path}" in `{document}`.', f"In the document `{document}`, what is at {path}",
         f"Path: {path}; document: {document}"]
    )  # fmt: skip
    return random.choice(PEOPLE) + text, "json_lookup", [{"document": document, "path": path}]
