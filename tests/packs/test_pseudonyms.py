"""Pseudonyms stand for the values of tools everywhere alike, and what they make wrong is left out."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.contracts import VERIFIED
from ste_graph.distil.example import Definition
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.packs.pseudonyms import Pseudonyms
from ste_graph.packs.values import list_values

KEY = b"k" * 32


def text_of(*parts) -> str:
    return json.dumps(parts, ensure_ascii=False).casefold()


def test_no_value_of_a_tool_is_left_and_the_same_one_has_the_same_pseudonym(data) -> None:
    drawn = Pseudonyms.of(data, KEY)
    made = drawn.apply(data)
    left = text_of(made.exemplars, made.lessons, made.cases)
    for value in ("ada", "lovelace", "turing", "grace", "hopper", "paris", "rome", "oslo"):
        assert re.search(rf"\b{value}\b", text_of(data.exemplars, data.cases))
        call_ids = re.sub(r'"(?:id|trial_id)": "[^"]*"', "", left)
        assert not re.search(rf"\b{value}\b", call_ids), value
    place = made.exemplars[0]["calls"][0]["arguments"]["place"]
    assert place in made.exemplars[0]["query"]
    assert place in made.exemplars[0]["calls"][0]["observation"]["text"]
    assert place == drawn.replace("Paris")
    assert drawn.replace("PARIS and paris") == f"{place.upper()} and {place.lower()}"


def test_exemplars_still_do_what_their_requests_say(data) -> None:
    for plain in Pseudonyms.of(data, KEY).apply(data).exemplars:
        exemplar = Exemplar.model_validate(plain)
        tool = data.definitions[exemplar.tool]
        definition = Definition(name=tool.name, description=tool.description, parameters=tool.parameters)
        assert {*VERIFIED} <= {*exemplar.check_calls(exemplar.query, exemplar.calls, definition)[0]}


def test_the_models_own_words_go(data) -> None:
    data.exemplars[0]["calls"][0]["thought"] = "The user lives in Paris, as Ada told me."
    made = Pseudonyms.of(data, KEY).apply(data).exemplars[0]
    assert (made["calls"][0]["thought"], made["answer"]) == (None, None)


def test_names_types_and_what_the_definitions_say_stay(data) -> None:
    made = Pseudonyms.of(data, KEY).apply(data)
    assert made.definitions == data.definitions
    assert made.lessons[0]["right"] == '"celsius"'
    assert [exemplar["tool"] for exemplar in made.exemplars] == ["weather", "weather", "notes", "notes"]


@pytest.mark.parametrize("value", ["2026-03-01", "12:30", "1984", "-7.5", "1,234.50", "km", "12 %"])
def test_dates_numbers_and_short_values_stay(value) -> None:
    assert Pseudonyms([value], "", KEY).replaced == []


@pytest.mark.parametrize("value", ["ada@example.com", "ORD-4711", "+44 20 7946 0958", "Zoë Müller", "4929-8812-0001"])
def test_a_pseudonym_has_the_shape_of_its_value(value) -> None:
    drawn = Pseudonyms([value], "", KEY)
    made = drawn.replace(value)
    assert made != value
    assert [(c.isalpha(), c.isdigit(), c.isupper()) for c in made] == [
        (c.isalpha(), c.isdigit(), c.isupper()) for c in value
    ]


def test_another_pack_has_other_pseudonyms_so_that_two_cannot_be_joined() -> None:
    assert Pseudonyms(["Ada Lovelace"], "").replace("Ada Lovelace") != Pseudonyms(["Ada Lovelace"], "").replace(
        "Ada Lovelace"
    )


@given(
    st.lists(st.text(st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Pd"]), min_size=3, max_size=20), max_size=8),
    st.data(),
)
def test_whatever_is_replaced_is_gone_and_words_stay_apart(values, draw) -> None:
    drawn = Pseudonyms(values, "", KEY)
    text = " | ".join(values)
    assert drawn.remains(drawn.replace(text)) == []
    words = {word for value in drawn.replaced for word in value.casefold().split()}
    assert len({drawn.replace(word) for word in drawn.replaced if " " not in word}) == len(
        {word for word in drawn.replaced if " " not in word}
    )
    assert words is not None


@pytest.mark.parametrize(
    "answer", ["Ada LovelaceAda Lovelace", "xAda Lovelacex", "ADA LOVELACE1", "notes/ada lovelace_2", "«Ada Lovelace»"]
)
def test_a_value_that_a_tool_glues_to_others_is_replaced_too(answer) -> None:
    drawn = Pseudonyms(["Ada Lovelace", "李雷", "Bob"], "", KEY)
    replaced = drawn.replace(f"{answer} 问李雷吗 bobsleigh Bob")
    assert "ada" not in replaced.casefold()
    assert "lovelace" not in replaced.casefold()
    assert "李雷" not in replaced
    assert "bobsleigh" in replaced  # a short value may well be a part of another word
    assert "Bob" not in replaced.split()
    pseudonym = drawn.replace("Ada Lovelace").casefold()
    assert replaced.casefold().count(pseudonym) == answer.casefold().count("ada lovelace")


def test_the_list_of_values_names_tool_place_and_count(data) -> None:
    assert list_values(data)[:2] == [
        'notes, answer (1 value): "none"',
        'notes, owner (3 values): "Ada Lovelace", "Alan Turing", "Grace Hopper"',
    ]
    data.exemplars[0]["calls"][0]["observation"]["text"] = '{"sky": {"clouds": ["low", "high"]}, "wind": 3}'
    assert 'weather, answer.sky.clouds[] (2 values): "low", "high"' in list_values(data)
