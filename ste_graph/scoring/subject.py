"""Subjects of a test: the things that are adopted if the arm that has them does better."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.errors import WorkflowError


class ExemplarsSubject(Frozen):
    """The exemplars of a run; `run_id` is that of `ste_graph.finished.FinishedRun`, `run` its folder."""

    kind: Literal["exemplars"] = "exemplars"
    run_id: str
    run: str


class LessonsSubject(Frozen):
    """The lessons that the trials of a run teach."""

    kind: Literal["lessons"] = "lessons"
    run_id: str
    run: str


class BothSubject(Frozen):
    """The exemplars of a run together with the lessons of one, which may be another."""

    kind: Literal["both"] = "both"
    run_id: str
    run: str
    lessons_run_id: str
    lessons_run: str


class ModelSubject(Frozen):
    """A trained model: its folder, and a hash of the content, see `model_digest`."""

    kind: Literal["model"] = "model"
    path: str
    digest: str


Subject: TypeAlias = Annotated[
    ExemplarsSubject | LessonsSubject | BothSubject | ModelSubject, Field(discriminator="kind")
]
"""The thing that an adoption would adopt."""


MODEL_SUFFIXES: Final = frozenset({".json", ".safetensors", ".jinja", ".model", ".txt"})
"""The suffixes of the files that make a model what it is."""


def model_digest(folder: Path) -> str:
    """A hash of a model: the names, sizes and contents of its files, in order of name.

    These are its settings, weights, tokenizer and chat template (`*.json`, `*.safetensors`, `*.jinja`, `*.model` and
    `*.txt`); a `config.json`, or `adapter_config.json`, and weights must be there.

    Raises `WorkflowError` if one of them is missing or cannot be read.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix in MODEL_SUFFIXES)
    names = {file.name for file in files}
    if not names & {"config.json", "adapter_config.json"} or not any(name.endswith(".safetensors") for name in names):
        raise WorkflowError(f"{folder}: is not a model folder: expected `config.json` and `*.safetensors` in it")
    whole = hashlib.sha256()
    for file in files:
        try:
            whole.update(f"{file.name}\n{file.stat().st_size}\n".encode())
            with file.open("rb") as content:
                whole.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as error:
            raise WorkflowError(f"{file}: cannot be read ({error.strerror})") from error
    return whole.hexdigest()
