"""The examples of a run, checked: none leaks over the split, and each call is legal for its tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.distil.clusters import Apart
from ste_graph.distil.example import Example
from ste_graph.distil.split import leaks
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.run.appending import LineFile

SHOWN = 8
"""Faults that an error names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a run has come to."""

    path: Path
    pairs: Sequence[tuple[Example, dict[str, Json]]]
    """Each example, typed and as the journal's line."""
    rejected: Counter[str]
    """How many trials each gate took, in the gates' order."""
    reworded: Counter[str]
    """How many requests in other words each gate took."""
    apart: Apart = "combination"
    """What the run promises that the sides of the split do not share."""

    def __iter__(self) -> Iterator[Example]:
        return (example for example, _ in self.pairs)


def examples_of(path: Path) -> Examples:
    """The examples of a run of `distil.yaml`, in the order of tools and of making.

    Raises `WorkflowError` where there is none, and says which gate took how many.
    """
    run = open_run(path)
    journal = LineFile(run.folder.journal)
    pairs, rejected, reworded, trials = [], Counter[str](), Counter[str](), 0
    for number, line in enumerate(journal.lines(), start=1):
        match line.get("record"):
            case "example":
                try:
                    pairs.append(
                        (Example.model_validate({k: line[k] for k in Example.model_fields if k in line}), line)
                    )
                except ValidationError:
                    raise journal.damaged(number) from None
            case "rejected":
                (reworded if line.get("paraphrase_of") else rejected)[line["gate"]] += 1
            case "trial":
                trials += 1
    if not pairs:
        raise WorkflowError(f"{path}: {_why_none(trials, rejected, path)}")
    order = {tool: number for number, tool in enumerate(sorted({one.definition.name for one, _ in pairs}))}
    pairs.sort(key=lambda pair: order[pair[0].definition.name])  # stable: within a tool, as they were made
    return Examples(path, pairs, rejected, reworded, _apart(run.lock))


def refuse_leaks(examples: Examples) -> None:
    """Raise `WorkflowError` if something stands on both sides of the split."""
    if found := leaks(examples, examples.apart):
        raise WorkflowError(
            _listed("the two sides of the split share something, so that a test would prove nothing:", found)
        )


def _apart(lock: Mapping[str, Json]) -> Apart:
    """The setting of the node that made the split, whatever it is called."""
    nodes = lock.get("resolved", {}).get("workflow", {}).get("nodes", {})
    stated = [node["apart"] for node in nodes.values() if isinstance(node, Mapping) and "apart" in node]
    return "value" if "value" in stated else "combination"


def _why_none(trials: int, rejected: Counter[str], path: Path) -> str:
    if rejected:
        taken = ", ".join(f"{gate} took {count}" for gate, count in rejected.most_common())
        return f"no trial was kept: {taken}"
    if trials:
        return f"is a run that explored; distil it first: ste run distil --set data.explored.run={path}"
    return "holds no example, and nothing that was rejected; it is no run of distil.yaml, or not finished"


def _listed(head: str, found: Sequence[str]) -> str:
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n  ".join([head, *found[:SHOWN], *more])
