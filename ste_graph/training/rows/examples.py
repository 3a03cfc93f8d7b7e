"""The examples of a run of `distil.yaml`, and the check that the sides of its split share nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.diagnostics import display_path
from ste_graph.distil.clusters import Apart
from ste_graph.distil.example import Example
from ste_graph.distil.split import find_split_leaks
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.text import first_lines

SHOWN = 8
"""Faults that an error names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class DistilledRun:
    """The examples of a run, and the number of trials that its gates rejected."""

    path: Path
    pairs: Sequence[tuple[Example, dict[str, Json]]]
    """Each example, typed and as the journal's line."""
    rejected: Counter[str]
    """The number of trials that each gate rejected, in the gates' order."""
    rejected_paraphrases: Counter[str]
    """The number of paraphrased requests that each gate rejected."""
    apart: Apart = "combination"
    """The part of a call that the sides of the split do not share."""

    def __iter__(self) -> Iterator[Example]:
        return (example for example, _ in self.pairs)


def read_examples(path: Path) -> DistilledRun:
    """Reads the examples of a run of `distil.yaml`, ordered by tool, then by creation.

    Raises `WorkflowError` if it has none, with the number that each gate rejected.
    """
    run = open_run(path)
    pairs = list(run.typed_records(Example, "example"))
    rejected, rejected_paraphrases = Counter[str](), Counter[str]()
    for line in run.records("rejected"):
        (rejected_paraphrases if line.get("paraphrase_of") else rejected)[line["gate"]] += 1
    if not pairs:
        raise WorkflowError(f"{path}: {_why_empty(rejected, run)}")
    pairs.sort(key=lambda pair: pair[0].definition.name)  # stable: within a tool, in the order of creation
    return DistilledRun(path, pairs, rejected, rejected_paraphrases, _separation(run.lock))


def check_leaks(examples: DistilledRun) -> None:
    """Raise `WorkflowError` if the two sides of the split share something."""
    if found := find_split_leaks(examples, examples.apart):
        head = "the two sides of the split share something, so that a test would prove nothing:"
        raise WorkflowError("\n".join([head, *first_lines([f"  {fault}" for fault in found], SHOWN)]))


def _separation(lock: Mapping[str, Json]) -> Apart:
    """The setting of the node that made the split, whatever its name."""
    nodes = lock.get("resolved", {}).get("workflow", {}).get("nodes", {})
    settings = [node["apart"] for node in nodes.values() if isinstance(node, Mapping) and "apart" in node]
    return "value" if "value" in settings else "wording" if "wording" in settings else "combination"


def _why_empty(rejected: Counter[str], run: FinishedRun) -> str:
    if parts := [display_path(part.path) for part in run.sub_runs if part.count_records()["example"]]:
        return f"has no example of its own; name its part that has some: {', '.join(parts)}"
    if rejected:
        counts = ", ".join(f"{gate} rejected {count}" for gate, count in rejected.most_common())
        return f"no trial was kept: {counts}"
    if run.count_records()["trial"]:
        return f"is a run that explored; distil it first: ste run distil --set data.explored.run={run.path}"
    return "has no example and no rejected trial; it is not a run of distil.yaml, or not finished"
