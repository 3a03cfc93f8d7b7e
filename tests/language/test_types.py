from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from ste_graph.language.expressions import types
from ste_graph.language.expressions.types import (
    ANY,
    BOOL,
    INT,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    STR,
    Type,
    accepts,
    fields,
    type_from_word,
    union,
)


class Seen(BaseModel):
    ok: bool
    note: str | None = None


class Said(BaseModel):
    text: str
    seen: Seen | None = None
    more: list[Seen] = []
    before: "Said | None" = None


class Tool(Protocol):
    name: str


class Colour(StrEnum):
    RED = "red"


S = TypeVar("S", bound=str)


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (bool, BOOL), (int, INT), (float, Type(frozenset({"float"}))), (str, STR), (None, NULL), (Any, ANY),
        (str | None, STR.with_null), (None | int, INT.with_null), (int | str, union([INT, STR])),
        (Literal["a", "b"], STR), (Literal[1, "a", None], union([INT, STR, NULL])), (Literal[True], BOOL),
        (list[str], LIST), (tuple[int, ...], LIST), (Sequence[str], LIST), (set, LIST), (Iterator[int], LIST),
        (dict[str, Any], OBJECT), (Mapping[str, int], OBJECT), (Seen, OBJECT), (Tool, OBJECT),
        (Annotated[int | None, Field(ge=0)], INT.with_null), (Colour, STR), (S, STR), (object, ANY),
        (int | Any, ANY), (Callable[[], int], ANY),
    ],
)  # fmt: skip
def test_the_type_of_an_annotation(annotation: Any, found: Type) -> None:
    assert Type.from_annotation(annotation) == found


@pytest.mark.parametrize(
    ("found", "words"),
    [(STR.with_null, "maybe str"), (NUMBER, "number"), (union([LIST, INT, STR]), "int or str or list"), (NULL, "null"),
     (ANY.with_null, "any"), (OBJECT, "object"), (BOOL, "bool")],
)  # fmt: skip
def test_a_type_reads_in_the_words_of_yaml(found: Type, words: str) -> None:
    assert str(found) == words


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [(NUMBER, INT, True), (INT, NUMBER, False), (Type.from_annotation(float), INT, True), (STR, STR.with_null, False),
     (STR.with_null, STR, True), (STR.with_null, NULL, True), (STR, NULL, False), (ANY, NULL, True), (STR, ANY, True),
     (STR, ANY.with_null, False), (ANY, OBJECT.with_null, True), (BOOL, INT, False), (INT, BOOL, False),
     (union([LIST, STR]), LIST, True), (LIST, union([LIST, STR]), False)],
)  # fmt: skip
def test_what_fits_where(expected: Type, actual: Type, fits: bool) -> None:
    assert accepts(expected, actual) is fits


kinds = st.frozensets(st.sampled_from(["bool", "int", "float", "str", "list", "object", "any"]), min_size=1)
some = st.builds(Type, kinds, st.booleans())


@settings(deadline=None)
@given(some, some)
def test_every_type_fits_itself_and_a_union_that_holds_it(first: Type, second: Type) -> None:
    assert accepts(first, first)
    assert accepts(union([first, second]), first)
    assert accepts(first.with_null, first)


def test_the_fields_inside_a_model_are_known() -> None:
    assert fields(Seen | None) == fields(Annotated[Seen, "x"]) == {"ok": bool, "note": str | None}
    assert fields(dict[str, int]) == fields(Seen | Said) == fields(str) == {}


def test_dotted_names_of_what_may_be_null_may_be_null_and_a_model_inside_itself_ends() -> None:
    assert types.nested_types("say.it", Said) == {
        "say.it": OBJECT,
        "say.it.text": STR,
        "say.it.seen": OBJECT.with_null,
        "say.it.seen.ok": BOOL.with_null,
        "say.it.seen.note": STR.with_null,
        "say.it.more": LIST,
        "say.it.before": OBJECT.with_null,
    }
    assert types.nested_types("x", str, nullable=True) == {"x": STR.with_null}


@pytest.mark.parametrize(
    ("word", "annotation"),
    [("str", str), ("int", int), ("float", float), ("bool", bool), ("maybe bool", bool | None), (["str"], list[str]),
     (["maybe int"], list[int | None])],
)  # fmt: skip
def test_a_type_word_is_an_annotation(word: object, annotation: Any) -> None:
    assert type_from_word(word) == annotation


@pytest.mark.parametrize(
    "word", ["string", "bool?", "maybe", "maybe maybe int", "maybe  int", [], ["str", "int"], [["str"]], 3, None]
)
def test_any_other_word_is_refused_with_the_legal_ones(word: object) -> None:
    with pytest.raises(
        ValueError, match="is not a type: write one of bool, float, int, str, perhaps after `maybe`, or a list"
    ):
        type_from_word(word)
