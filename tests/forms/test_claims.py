import pytest

from ste_graph.forms.claims import find_claims, find_unsupported

TRIAL = (
    'Fly from Oslo on 3 May 2025 at 9:30.\nfly {"from_city": "Oslo", "day": "2025-05-03", "seats": 12}\nbooked as XK-7'
)
TOOL = 'fly\nBook a flight in EUR.\n{"properties": {"from_city": {"type": "string"}, "day": {"format": "date"}}}'


@pytest.mark.parametrize(
    ("sentence", "claims"),
    [
        ("`from_city` is the town as the request names it.", ["from_city"]),
        ("Days are written as YYYY-MM-DD, such as 2025-05-03.", ["YYYY-MM-DD", "2025-05-03"]),
        ("It takes ISO 8601 and leaves at 9:30.", ["ISO 8601", "9:30"]),
        ("At most 12 seats are booked from Oslo, in EUR, as XK-7.", ["12", "Oslo", "EUR", "XK-7"]),
        ("Give one of the two names first.", []),
        ("Zones are like Europe/Berlin or New York.", ["Europe/Berlin", "New York"]),
    ],
)
def test_the_names_and_values_of_a_sentence_are_its_claims(sentence: str, claims: list[str]) -> None:
    assert [claim.written for claim in find_claims(sentence)] == claims


@pytest.mark.parametrize(
    "sentence",
    [
        "`from_city` is a town, such as Oslo.",
        "The `day` is given as YYYY-MM-DD.",
        "The `day` is given in ISO 8601.",
        "It booked twelve seats for the third of May 2025, at half past nine or 9:30.",
        "Prices are in EUR.",
        "A booking is named like XK-7.",
        "Times are like H:MM.",
    ],
)
def test_what_the_trials_or_the_definition_say_in_any_form_is_supported(sentence: str) -> None:
    assert find_unsupported(sentence, [TRIAL, TOOL]) == []


@pytest.mark.parametrize(
    ("sentence", "lost"),
    [
        ("`to_city` is a town.", ["to_city"]),
        ("It flies from Oslo to Bergen.", ["Bergen"]),
        ("At most 9 seats are booked.", ["9"]),
        ("The day is given as DD.MM.YYYY.", ["DD.MM.YYYY"]),
        ("It leaves on 4 May 2025 at 10:15.", ["4 May 2025", "10:15"]),
        ('The class is "economy".', ["economy"]),
        ("Prices are in USD.", ["USD"]),
        ("A booking is named like AB12.", ["AB12"]),
        ("Zones are like Europe/Oslo.", ["Europe/Oslo"]),
    ],
)
def test_a_name_or_a_value_from_elsewhere_is_found(sentence: str, lost: list[str]) -> None:
    assert find_unsupported(sentence, [TRIAL, TOOL]) == lost
