"""The serialisations of OpenAPI 3.1, section 4.8.12.3, in the order of its table."""

from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.tools.openapi.style import header_text, path_text, query_pairs

LIST = ["blue", "black", "brown"]
OBJECT = {"R": 100, "G": 200, "B": 150}


def query(value, style, explode):
    return "&".join(f"{name}={text}" for name, text in query_pairs("color", value, style, explode))


@pytest.mark.parametrize(
    ("style", "explode", "one", "several", "mapping"),
    [
        ("matrix", False, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
        ("matrix", True, ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"),
        ("label", False, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
        ("label", True, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
        ("simple", False, "blue", "blue,black,brown", "R,100,G,200,B,150"),
        ("simple", True, "blue", "blue,black,brown", "R=100,G=200,B=150"),
    ],
)
def test_values_in_a_path_are_written_as_their_style_says(style, explode, one, several, mapping):
    assert [path_text("color", value, style, explode) for value in ("blue", LIST, OBJECT)] == [one, several, mapping]


@pytest.mark.parametrize(
    ("style", "explode", "several", "mapping"),
    [
        ("form", False, "color=blue,black,brown", "color=R,100,G,200,B,150"),
        ("form", True, "color=blue&color=black&color=brown", "R=100&G=200&B=150"),
        ("spaceDelimited", False, "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"),
        ("pipeDelimited", False, "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"),
        ("tabDelimited", False, "color=blue%09black%09brown", "color=R%09100%09G%09200%09B%09150"),
        (
            "deepObject",
            True,
            "color=blue&color=black&color=brown",
            "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150",
        ),
        (
            "json",
            False,
            "color=%5B%22blue%22%2C%22black%22%2C%22brown%22%5D",
            "color=%7B%22R%22%3A100%2C%22G%22%3A200%2C%22B%22%3A150%7D",
        ),
    ],
)
def test_values_in_a_query_are_written_as_their_style_says(style, explode, several, mapping):
    assert [query(value, style, explode) for value in (LIST, OBJECT)] == [several, mapping]


def test_values_in_a_header_are_written_as_their_style_says():
    assert [header_text(value, False) for value in ("blue", LIST, OBJECT)] == [
        "blue",
        "blue,black,brown",
        "R,100,G,200,B,150",
    ]
    assert header_text(OBJECT, True) == "R=100,G=200,B=150"
    assert header_text(OBJECT, False, as_json=True) == '{"R":100,"G":200,"B":150}'


def test_deep_objects_go_as_deep_as_they_are():
    assert query({"a": {"b": [1, 2]}, "c": None}, "deepObject", True) == "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (3, "3"), (3.0, "3"), (2.5, "2.5"), (1e300, "1e%2B300"), ("a/b&c", "a%2Fb%26c"), ("", "")],
)
def test_single_values_are_written_as_json_would_without_quotes(value, text):
    assert query(value, "form", True) == f"color={text}"


def test_null_and_emptiness_send_nothing():
    assert [query(value, "form", explode) for value in (None, [], {}) for explode in (True, False)] == [""] * 6


def test_reserved_characters_are_kept_where_the_description_allows_it():
    assert query_pairs("at", "a/b?c=d&e#f", "form", True, reserved=True) == [("at", "a/b?c%3Dd%26e%23f")]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.lists(TEXT, min_size=1))
def test_a_query_can_be_parsed_back(name, values):
    sent = "&".join(f"{key}={text}" for key, text in query_pairs(name, values, "form", True))
    assert parse_qsl(sent, keep_blank_values=True) == [(name, value) for value in values]
    (pair,) = query_pairs(name, values, "form", False)
    assert [unquote(part) for part in pair[1].split(",")] == values


@given(st.text())
def test_no_value_leaves_its_place_in_the_path(value):
    assert not set("/?#;%\\ ") & set(path_text("name", value, "simple", False).replace("%", "", 10**6)) or "%" in value
