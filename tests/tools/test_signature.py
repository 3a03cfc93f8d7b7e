import dataclasses
import datetime as dt
import functools
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from ste_graph.tools.python.docstring import parse_docstring
from ste_graph.tools.python.signature import Signature


@dataclasses.dataclass
class Place:
    name: str
    height: float = 0.0


class Guest(BaseModel):
    name: str = Field(min_length=2)


def test_hints_defaults_and_docstring_become_one_json_schema():
    def book(
        where: Place,
        guest: Guest,
        day: dt.date,
        how: Literal["car", "foot"] = "foot",
        *,
        nights: Annotated[int, Field(ge=1, examples=[3])] = 2,
        copy: list[str] | None = None,
    ) -> None:
        """Book a room.

        Args:
            where: The place
                to sleep at.
            day (date): The first day: it
                may lie in the past.
        """

    schema = Signature(book, "book").parameters
    assert schema == {
        "$defs": {
            "Place": {
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "height": {"default": 0.0, "type": "number"}},
                "required": ["name"],
                "type": "object",
            },
            "Guest": {
                "properties": {"name": {"minLength": 2, "type": "string"}},
                "required": ["name"],
                "type": "object",
            },
        },
        "additionalProperties": False,
        "properties": {
            "where": {"$ref": "#/$defs/Place", "description": "The place to sleep at."},
            "guest": {"$ref": "#/$defs/Guest"},
            "day": {"format": "date", "type": "string", "description": "The first day: it may lie in the past."},
            "how": {"enum": ["car", "foot"], "type": "string", "default": "foot"},
            "nights": {"examples": [3], "minimum": 1, "type": "integer", "default": 2},
            "copy": {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}], "default": None},
        },
        "required": ["where", "guest", "day"],
        "type": "object",
    }


def test_arguments_arrive_as_the_python_values_of_the_hints():
    def book(where: Place, /, day: dt.date, *, guest: Guest | None = None) -> None: ...

    bound = Signature(book, "book").bind
    given = {"where": {"name": "Ulm"}, "day": "2024-02-29", "guest": {"name": "Eve"}}
    assert bound(given) == ([Place("Ulm")], {"day": dt.date(2024, 2, 29), "guest": Guest(name="Eve")})
    with pytest.raises(ValidationError, match="day"):
        bound({"where": {"name": "Ulm"}, "day": "2024-02-30"})


def test_a_default_that_json_cannot_express_stays_with_the_function():
    def search(since=object, *words, deep=False, **rest): ...

    signature = Signature(search, "search")
    assert signature.parameters == {
        "additionalProperties": False,
        "properties": {"since": {}, "deep": {"default": False}},
        "type": "object",
    }
    assert signature.bind({"deep": True}) == ([], {"deep": True})


def test_a_field_as_default_describes_the_parameter_and_gives_its_default():
    def search(words: str = Field(description="What to look for."), k: int = Field(default=3, ge=1)) -> None: ...

    signature = Signature(search, "search")
    assert signature.parameters["properties"] == {
        "words": {"description": "What to look for.", "type": "string"},
        "k": {"default": 3, "minimum": 1, "type": "integer"},
    }
    assert signature.parameters["required"] == ["words"]
    assert signature.bind({"words": "x"}) == ([], {"words": "x", "k": 3})


def test_wrapped_functions_partial_functions_and_methods_keep_their_hints():
    def add(a: int, b: int) -> int:
        return a + b

    @functools.wraps(add)
    def logged(*args, **kwargs):
        return add(*args, **kwargs)

    class Counter:
        def __call__(self, by: int) -> None: ...

        def step(self, by: int) -> None: ...

    integer = {"type": "integer"}
    assert Signature(logged, "add").parameters["properties"] == {"a": integer, "b": integer}
    assert Signature(functools.partial(add, 1), "add").parameters["properties"] == {"b": integer}
    assert Signature(Counter(), "count").parameters["properties"] == {"by": integer}
    assert Signature(Counter().step, "step").parameters["properties"] == {"by": integer}


def test_a_parameter_may_be_called_title_and_its_example_may_hold_one():
    def name_it(title: Annotated[dict, Field(examples=[{"title": "Emma"}])]) -> None: ...

    (entry,) = Signature(name_it, "name_it").parameters["properties"].values()
    assert entry["examples"] == [{"title": "Emma"}]
    assert "title" not in entry


def test_the_text_before_the_first_section_is_the_description():
    def look() -> None:
        """Look around.

        There is much to see: trees, birds.

        Returns:
            Nothing: really.
        """

    assert parse_docstring(look) == ("Look around.\n\nThere is much to see: trees, birds.", {})
    assert parse_docstring(lambda: None) == ("", {})


def google(a, b, c):
    """Make it.

    At length: once.

    Args:
        a (int): The first,
            and more.
        b: The second: a text.
        c:
            The third.

    Returns:
        d: no parameter.
    """


def sphinx(a, b, c):
    """Make it.

    At length: once.

    :param int a: The first,
        and more.
    :param b: The second: a text.
    :type b: str
    :param c: The third.
    :returns: d: no parameter.
    :raises ValueError: if it cannot.
    """


def numpy(a, b, c):
    """Make it.

    At length: once.

    Parameters
    ----------
    a : int
        The first,
        and more.
    b
        The second: a text.
    c : {'x', 'y'}, optional
        The third.

    Returns
    -------
    d : int
        No parameter.
    """


@pytest.mark.parametrize("function", [google, sphinx, numpy])
def test_docstrings_are_read_in_the_three_usual_styles(function):
    described = {"a": "The first, and more.", "b": "The second: a text.", "c": "The third."}
    assert parse_docstring(function) == ("Make it.\n\nAt length: once.", described)


def test_parameters_that_numpy_describes_together_each_get_the_description():
    def cut(a, b, *words):
        """Cut.

        Parameters
        ----------
        a, b : int
            An edge.
        *words : str
            Words.
        """

    assert parse_docstring(cut)[1] == {"a": "An edge.", "b": "An edge.", "words": "Words."}


def test_a_text_that_only_resembles_a_field_or_a_section_is_description():
    def look():
        """Look at :class:`Room` and at

        12:30
        -----
        Returns
        nothing: really.
        """

    assert parse_docstring(look) == (look.__doc__.replace("\n        ", "\n").strip(), {})
