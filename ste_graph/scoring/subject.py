"""What a test puts to the proof: what would be adopted, if the arm that has it does better."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.errors import WorkflowError


class OfExemplars(Frozen):
    """The exemplars of a run; `run_id` is that of `ste_graph.finished.FinishedRun`, `run` its folder."""

    kind: Literal["exemplars"] = "exemplars"
    run_id: str
    run: str


class OfLessons(Frozen):
    """The lessons that the trials of a run teach."""

    kind: Literal["lessons"] = "lessons"
    run_id: str
    run: str


class OfBoth(Frozen):
    """The exemplars of a run together with the lessons of one, which may be another."""

    kind: Literal["both"] = "both"
    run_id: str
    run: str
    lessons_run_id: str
    lessons_run: str


class OfModel(Frozen):
    """A trained model: its folder, and what is in there, see `digest_of`."""

    kind: Literal["model"] = "model"
    path: str
    digest: str


Subject: TypeAlias = Annotated[OfExemplars | OfLessons | OfBoth | OfModel, Field(discriminator="kind")]
"""What an adoption would adopt."""


def digest_of(folder: Path) -> str:
    """A hash of a model: the names, sizes and contents of its `config.json` and `*.safetensors`, in order of name.

    An adapter to a model has an `adapter_config.json` instead.

    Raises `WorkflowError` where one of them is missing or cannot be read.
    """
    configs = [*folder.glob("config.json"), *folder.glob("adapter_config.json")]
    files = sorted([*configs, *folder.glob("*.safetensors")])
    if not configs or len(files) == len(configs):
        raise WorkflowError(f"{folder}: is no folder of a model; expected `config.json` and `*.safetensors` in it")
    whole = hashlib.sha256()
    for file in files:
        try:
            whole.update(f"{file.name}\n{file.stat().st_size}\n".encode())
            with file.open("rb") as content:
                whole.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as error:
            raise WorkflowError(f"{file}: cannot be read ({error.strerror})") from error
    return whole.hexdigest()
