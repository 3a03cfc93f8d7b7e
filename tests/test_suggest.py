from ste_graph.suggest import SHOWN, closest, did_you_mean, list_choices


def test_the_closest_choice_is_found_whatever_its_case() -> None:
    assert closest("promt", ["model", "prompt", "talk"]) == "prompt"
    assert closest("PROMPT", ["model", "prompt"]) == "prompt"
    assert closest("prompt", ["Prompt"]) == "Prompt"
    assert closest("zzz", ["model", "prompt"]) is None
    assert closest("x", []) is None


def test_a_hint_is_a_question_with_a_space_behind_it_or_nothing() -> None:
    assert did_you_mean("promt", ["prompt"]) == "did you mean `prompt`? "
    assert did_you_mean("zzz", ["prompt"]) == ""


def test_choices_are_sorted_and_at_most_so_many_are_listed() -> None:
    assert list_choices(["b", "a"]) == "a, b"
    assert list_choices([]) == "none"
    many = [f"{number:02}" for number in range(SHOWN + 2)]
    assert list_choices(many) == f"{', '.join(many[:SHOWN])} and 2 more"
