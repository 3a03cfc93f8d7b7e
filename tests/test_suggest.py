import pytest

from ste_graph.suggest import SHOWN, closest, did_you_mean, list_choices, nearest, render_hint


@pytest.mark.parametrize(
    ("word", "choice"), [("duoble", "double"), ("DOUBLE", "double"), ("x", None), ("Strase", "Straße")]
)
def test_the_closest_choice_is_the_nearest_in_any_case_of_letters(word, choice):
    assert closest(word, ["double", "store", "Straße"]) == choice


def test_a_choice_whose_last_part_is_the_word_comes_first():
    assert closest("shout", ["show", "node.Shout"]) == "node.Shout"
    assert closest("show", ["show", "node.Show"]) == "show"


def test_the_nearest_choice_may_be_far():
    assert closest("abcde", ["xyz", "wwwwwe"]) is None
    assert nearest("abcde", ["xyz", "wwwwwe"]) == "wwwwwe"
    assert nearest("abc", ["xyz"]) is None


def test_a_hint_is_a_question_with_the_space_before_what_follows_or_nothing():
    assert did_you_mean("duoble", ["double", "store"]) == render_hint("double") == "did you mean `double`? "
    assert did_you_mean("x", ["double"]) == render_hint(None) == ""


def test_choices_are_sorted_and_many_are_counted():
    assert list_choices(["b", "a"]) == "a, b"
    assert list_choices([]) == "none"
    many = list_choices(f"n{number:03}" for number in range(SHOWN + 2))
    assert many.endswith("n024 and 2 more")
