from pathlib import Path

import pytest
from pydantic import ValidationError

from ste_graph.training.results import AccuracyMatrix, plot_gain, plot_rounds

NO_REPLAY = AccuracyMatrix(rounds=((0.806,), (0.017, 0.877), (0.0, 0.569, 0.689), (0.0, 0.385, 0.25, 0.718)))
"""Table of the paper for Llama-2-7B without replay; the first round is its run with replay, which is the same."""


def test_the_table_shows_each_batch_after_each_round_with_forgetting_and_retention() -> None:
    assert NO_REPLAY.table().splitlines() == [
        "after round  batch 0  batch 1  batch 2  batch 3",
        "0               80.6",
        "1                1.7     87.7",
        "2                0.0     56.9     68.9",
        "3                0.0     38.5     25.0     71.8",
        "forgetting      80.6     49.2     43.9      0.0",
        "retention        0.0     43.9     36.3    100.0",
    ]


def test_a_batch_that_was_never_learnt_has_no_retention() -> None:
    assert AccuracyMatrix(rounds=((0.0,), (0.0, 0.5)), batches=("dates", "numbers")).table().splitlines() == [
        "after round  dates  numbers",
        "0              0.0",
        "1              0.0     50.0",
        "forgetting     0.0      0.0",
        "retention        -    100.0",
    ]


def test_forgetting_is_measured_from_the_best_round() -> None:
    assert AccuracyMatrix(rounds=((0.5,), (0.75, 0.5), (0.25, 0.5, 1.0))).forgetting == (0.5, 0.0, 0.0)


def test_a_matrix_that_is_not_triangular_is_refused() -> None:
    with pytest.raises(ValidationError, match="round 1 has 1 results; expected one per batch seen: 2"):
        AccuracyMatrix(rounds=((1.0,), (1.0,)))


def test_the_plots_are_png_files(tmp_path: Path) -> None:
    files = [
        plot_rounds({"no replay": NO_REPLAY, "10 % replay": NO_REPLAY}, tmp_path / "deep" / "rounds.png"),
        plot_gain({"a": 0.0}, {"a": 1.0, "b": 0.5}, tmp_path / "gain.png"),
    ]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
