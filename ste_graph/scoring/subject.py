"""Subjects of a test: the things that are adopted if the arm that has them does better."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.errors import WorkflowError

Form: TypeAlias = Literal["exemplars", "lessons", "guideline", "descriptions"]
"""A form in which what was learnt is shown to a model."""


class FormSource(Frozen):
    """The run that a form comes from: `run_id` is that of `ste_graph.finished.FinishedRun`, `run` its folder."""

    run_id: str
    run: str


class FormsSubject(Frozen):
    """The forms that are shown together, each with its run; there is at least one."""

    kind: Literal["forms"] = "forms"
    forms: Annotated[dict[Form, FormSource], Field(min_length=1)]


class ModelSubject(Frozen):
    """A trained model: its folder, and a hash of the content, see `model_digest`."""

    kind: Literal["model"] = "model"
    path: str
    digest: str


Subject: TypeAlias = Annotated[FormsSubject | ModelSubject, Field(discriminator="kind")]
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
