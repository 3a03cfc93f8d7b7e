"""Exemplars in and out as JSON lines; out and in again gives the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ste_graph.memory.exemplars.backends.log import read_jsonl
from ste_graph.memory.exemplars.exemplar import json_text
from ste_graph.memory.exemplars.store import ExemplarStore


def export_jsonl(store: ExemplarStore) -> Iterator[str]:
    """Every exemplar as a line of JSON, without the newline, in the order in which they came."""
    return map(json_text, store.read())


def import_jsonl(store: ExemplarStore, file: str | os.PathLike[str]) -> tuple[int, list[str]]:
    """Adds the exemplars of a file; returns how many were new or different, and the lines left out, with reasons.

    Raises `WorkflowError` if there is no such file.
    """
    exemplars, damaged = read_jsonl(Path(file))
    return store.add(exemplars), damaged
