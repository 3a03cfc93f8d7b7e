from __future__ import annotations

import pytest
from language_bench import Bench

from ste_graph.language.sections.unions import rephrase


def test_a_value_that_resembles_one_branch_is_measured_by_that_branch(bench: Bench) -> None:
    assert bench.problems(("lives: run}", "lives: run, recall: {diverse: 0, lik: x}}")) == [
        "8:64 E203 `diverse` in `memory` must be greater than or equal to 1",
        "8:67 E201 unknown key `lik` in `recall`",
    ]


def test_a_value_that_fits_no_branch_is_shown_all_forms(bench: Bench) -> None:
    assert bench.problems(("lives: run}", "lives: run, recall: some}")) == [
        "8:54 E203 `recall` in `memory` must be 'all' or 'shuffled' or a mapping"
    ]


def test_a_mistyped_key_of_a_branch_is_suggested_with_all_branches(bench: Bench) -> None:
    assert bench.problems(("lives: run}", "lives: run, recall: {divers: 20}}")) == [
        "8:55 E201 unknown key `divers` in `recall` | diverse? "
        "| a mapping with `diverse`, with `nearest` and `like`, or with `other_tool`"
    ]


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ("Input should be a valid integer", "must be a whole number"),
        ("Input should be an object", "must be a mapping"),
        ("Input should be a valid dictionary or instance of Use", "must be a mapping"),
        ("Value error, No such day", "is wrong: no such day"),
        (
            "List should have at most 2 items after validation, not 3",
            "must have at most 2 items, not 3",
        ),
    ],
)
def test_pydantic_speaks_in_the_words_of_yaml(message: str, ours: str) -> None:
    assert rephrase(message) == ours
