import json
import os
from pathlib import Path
from random import Random

import pytest

from ste_graph.training.rows.row import TrainingRow

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def call(tool: str, **arguments: object) -> str:
    return f"Action: {tool}\nAction Input: {json.dumps(arguments)}"


def some_rows(count: int, seed: int = 0, tool: str = "to_roman") -> list[TrainingRow]:
    random = Random(seed)
    numbers = [random.randint(100, 999) for _ in range(count)]
    return [
        TrainingRow(
            prompt=f"User Query: Please write {number} as a numeral.\n", completion=call(tool, number=number), tool=tool
        )
        for number in numbers
    ]


def write_rows(rows: list[TrainingRow], file: Path) -> str:
    file.write_text("".join(f"{row.model_dump_json()}\n" for row in rows), "utf-8")
    return str(file)


@pytest.fixture(scope="session")
def rows() -> list[TrainingRow]:
    return some_rows(96)


@pytest.fixture(scope="session")
def student(rows: list[TrainingRow], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny untrained student."""
    import torch

    from ste_graph.training.student.student import StudentShape, create_student

    torch.set_num_threads(1)
    shape = StudentShape(hidden=64, layers=2, heads=2, inner=32, length=128)
    return str(create_student(rows, tmp_path_factory.mktemp("student"), shape))
