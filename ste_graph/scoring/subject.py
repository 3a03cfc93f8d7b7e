"""What a test puts to the proof: what would be adopted, if the arm that has it does better."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

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


ENDINGS: Final = frozenset({".json", ".safetensors", ".jinja", ".model", ".txt"})
"""How the names end of the files that make a model what it is."""


def digest_of(folder: Path) -> str:
    """A hash of a model: the names, sizes and contents of its files, in order of name.

    These are its settings, weights, tokenizer and chat template (`*.json`, `*.safetensors`, `*.jinja`, `*.model` and
    `*.txt`); a `config.json`, or `adapter_config.json`, and weights must be there.

    Raises `WorkflowError` where one of them is missing or cannot be read.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix in ENDINGS)
    names = {file.name for file in files}
    if not names & {"config.json", "adapter_config.json"} or not any(name.endswith(".safetensors") for name in names):
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
