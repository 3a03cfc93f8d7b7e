"""The exemplars of a fresh simulated run: none that is shown does something else than its request says."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.finished import open_run
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.store import ExemplarStore

TOOLS = ["add_days", "to_roman", "days_between", "make_password"]
DAY_FORMS = ("%Y-%m-%d", "%d %B %Y")


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("explored") / "run"
    ste.load("quickstart", set={"tools.0.include": TOOLS, "params.turns": 3}).run(out)
    return out


def stated_values(query: str) -> dict[str, str]:
    """The values as the simulated model states them: `use X as the NAME`, `with X for the NAME`, `NAME: X`."""
    found = {}
    for part in re.split(r"; |(?<=[.?]) ", query.rstrip(".")):
        for form in (
            r"(?:use|with) (?P<value>.+) (?:as|for) the (?P<name>[a-z ]+)$",
            r"(?:the )?(?P<name>[a-z]+)(?:: | is )(?P<value>.+)$",
        ):
            if match := re.match(form, part.strip("."), re.IGNORECASE):
                found[match["name"].lower()] = match["value"].strip("\"'`.")
    return found


def is_same(value: Any, stated: str) -> bool:
    if isinstance(value, bool):
        return value == (stated == "yes")
    days = []
    for form in DAY_FORMS:
        try:
            days.append(dt.datetime.strptime(stated, form).date().isoformat())
        except ValueError:
            continue
    return str(value) == stated or value in days


def does_what_is_asked(exemplar: Exemplar) -> bool:
    stated = stated_values(exemplar.query)
    return all(is_same(exemplar.arguments.get(name), value) for name, value in stated.items())


def test_no_verified_exemplar_does_something_else_than_its_request_says(explored: Path) -> None:
    exemplars = Exemplar.from_run(open_run(explored))
    executed = [item for item in exemplars if "execution" in item.verified]
    shown = [item for item in exemplars if item.is_verified]
    assert [item.query for item in shown if not does_what_is_asked(item)] == []
    wrong = [item for item in executed if not does_what_is_asked(item)]
    assert wrong
    assert len(shown) >= 0.9 * (len(executed) - len(wrong))


def test_what_does_something_else_is_shown_by_no_search_unless_asked_for(explored: Path, word_hashes) -> None:
    with ExemplarStore.open(explored, embedder=word_hashes) as store:
        wrong = next(item for item in store.exemplars() if "execution" in item.verified and not item.is_verified)
        found = [match.exemplar.id for match in store.search(wrong.query, k=100)]
        assert found
        assert wrong.id not in found
        assert wrong.id in [match.exemplar.id for match in store.search(wrong.query, k=100, gates=None)]


def test_no_lesson_teaches_to_cut_a_number_to_the_limit(explored: Path, word_hashes) -> None:
    with ExemplarStore.open(explored, embedder=word_hashes) as store:
        for lesson in store.all_lessons():
            assert not (lesson.wrong or "").isdigit(), lesson
