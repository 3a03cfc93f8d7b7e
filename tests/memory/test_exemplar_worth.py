"""The worth of an exemplar to a student who knows nothing but its prompt."""

import re

import pytest

from ste_graph.memory import Selection
from ste_graph.simulated.reading import read_exemplars

CODES = {"celsius": "T-17", "metres": "L-04", "litres": "V-22", "grams": "M-91"}
"""The values that the tool wants without saying so: a code for each unit."""


def student(prompt: str, request: str) -> dict:
    """Does as the exemplar did whose request shares most words with its own, with its own number."""
    words = set(request.split())
    known = max(read_exemplars(prompt), key=lambda item: len(words & set(item.query.split())), default=None)
    code = known.arguments["code"] if known else ""
    return {"code": code, "value": int(re.search(r"\d+", request)[0])}


@pytest.fixture
def held_out():
    return [(f"Please give me {number} {unit} in other units", unit) for unit in CODES for number in (50, 60, 70)]


@pytest.fixture
def taught(open_store, exemplar):
    store = open_store()
    for unit, code in CODES.items():
        arguments = {"code": code, "value": 3}
        store.add([exemplar(f"Please give me 3 {unit} in other units", "convert", arguments=arguments)])
    return store


def score(prompts, held_out):
    right = [student(prompts(request), request)["code"] == CODES[unit] for request, unit in held_out]
    return sum(right) / len(right)


def test_a_student_goes_from_none_to_all_when_the_right_exemplar_is_in_the_prompt(taught, held_out):
    assert score(lambda request: "", held_out) == 0
    assert score(lambda request: taught.render(request, Selection(k=2)), held_out) == 1


def test_exemplars_with_their_calls_exchanged_teach_nothing(open_store, taught, held_out, tmp_path):
    exemplars = taught.exemplars()
    exchanged = open_store(tmp_path / "exchanged")
    others = [*exemplars[1:], exemplars[0]]
    exchanged.add(item.model_copy(update={"calls": other.calls}) for item, other in zip(exemplars, others, strict=True))
    assert score(lambda request: exchanged.render(request, Selection(k=2)), held_out) == 0
