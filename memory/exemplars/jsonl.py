"""Exemplars in and out as JSON lines; out and in again gives the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ste_graph.memory.exemplars.exemplar import line_of
from ste_graph.memory.exemplars.log import read_jsonl
from ste_graph.memory.exemplars.store import ExemplarStore


def exported(store: ExemplarStore) -> Iterator[str]:
    """Every exemplar as a line of JSON, without the newline, in the order in which they came."""
    return (line_of(exemplar) for exemplar in store.exemplars())


def take_in(store: ExemplarStore, file: str | os.PathLike[str]) -> tuple[int, list[str]]:
    """Add the exemplars of a file; gives how many were new or different, and which lines were left out and why.

    Raises `WorkflowError` if there is no such file.
    """
    exemplars, damaged = read_jsonl(Path(file))
    return store.add(exemplars), damaged
