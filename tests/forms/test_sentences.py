import pytest

from ste_graph.forms.evidence import NumberedCall, NumberedTrial
from ste_graph.forms.sentences import adds_nothing, find_basis, find_example_words, read_sentences, repeats_example


def trial(number: int, query: str, arguments: str, observation: str, *, ok: bool = True) -> NumberedTrial:
    call = NumberedCall(action="fly", arguments=arguments, observation=observation, ok=ok)
    return NumberedTrial(number=number, id=f"t{number}", query=query, calls=(call,))


TRIALS = [
    trial(1, "Fly from Oslo.", '{"city": "Oslo", "seats": 2}', "booked"),
    trial(2, "Fly 30 of us from Rome.", '{"city": "Rome", "seats": 30}', "seats must be at most 12", ok=False),
]
TOOL = 'fly\nBook a flight.\n{"properties": {"city": {}, "seats": {"type": "integer"}}}'


@pytest.mark.parametrize(
    ("reply", "sentences"),
    [
        ("- It flies. [1, 2]\n* It lands [2]", [("It flies.", (1, 2)), ("It lands.", (2,))]),
        ("1. It flies (trials 1 and 3). It lands. [2-4]", [("It flies.", (1, 3)), ("It lands.", (2, 3, 4))]),
        ("It flies. It lands. [1]", [("It flies.", (1,)), ("It lands.", (1,))]),
        ('It was asked "Fly. Then land." [1]', [('It was asked "Fly. Then land.".', (1,))]),
        ("```\nIt flies [#2].\n```", [("It flies.", (2,))]),
        ("nothing", []),
        ("None.", []),
        ("", []),
    ],
)
def test_a_reply_is_read_as_sentences_with_the_trials_that_they_cite(
    reply: str, sentences: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert [tuple(sentence) for sentence in read_sentences(reply)] == sentences


@pytest.mark.parametrize(
    ("reply", "trials"),
    [
        ("`seats` is at most 12. [2]", ("t2",)),
        ("It flies people. [1, 2]", ("t1", "t2")),
        ("Cities are like Rome.", ("t2",)),  # it cites nothing, and one trial has what it says
    ],
)
def test_a_sentence_rests_on_the_trials_that_it_cites_or_that_have_its_values(
    reply: str, trials: tuple[str, ...]
) -> None:
    (sentence,) = read_sentences(reply)
    assert find_basis(sentence, TRIALS, TOOL) == (trials, None)


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("`seats` is at most 12. [1]", "neither a trial that it cites nor the tool's definition has `12`"),
        ("`class` is economy. [1]", "neither a trial that it cites nor the tool's definition has `class`"),
        ("Cities are like Bergen.", "neither a trial nor the tool's definition has `Bergen`"),
        ("It flies. [3]", "it cites trial 3, which was not shown"),
        ("Sure, here are my notes!", "it rests on no trial"),
        (f"It flies {'on and ' * 40}on. [1]", "it is longer than 200 characters"),
    ],
)
def test_a_sentence_without_a_basis_is_named_with_the_reason(reply: str, fault: str) -> None:
    (sentence,) = read_sentences(reply)
    assert find_basis(sentence, TRIALS, TOOL).fault == fault


PROMPT = """{% system %}
Tables and restaurants.
{% endsystem %}
{% user %}
API_name: book_table
Description: Reserve a table in a restaurant.

Trial 1: We want to eat at noon.
{% enduser %}
{% assistant %}
Guests are numbers.
{% endassistant %}
{% user %}
API_name: {{ tool.name }}
Description: Clean the windows.
{% enduser %}
"""


def test_a_sentence_about_the_worked_example_of_the_prompt_is_found() -> None:
    example = find_example_words(PROMPT)
    assert example == {"book", "table", "reserve", "restaurant", "noon"}
    assert repeats_example("People reserve tables in restaurants.", example, [TOOL])
    assert not repeats_example("People book a flight at noon.", example, [TOOL])
    assert not repeats_example("People reserve tables.", example, ["reserve a table"])


@pytest.mark.parametrize(
    ("sentence", "adds"),
    [
        ("`seats` is an integer.", False),
        ("It is for requests that ask to book a flight.", False),
        ("`city` is a string, and `seats` must be an integer.", False),
        ("`seats` is an integer such as 12.", True),
        ("`seats` of more than twelve are refused.", True),
        ("`city` is a town in capitals.", True),
    ],
)
def test_a_sentence_whose_words_and_values_the_definition_has_adds_nothing(sentence: str, adds: bool) -> None:
    assert adds_nothing(sentence, TOOL) is not adds
