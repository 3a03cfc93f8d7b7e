"""The split into train and held-out, made before any use, and the check that nothing leaks between the two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from ste_graph.distil.clusters import Apart, separation_keys
from ste_graph.distil.example import Example, Split
from ste_graph.distil.normalisation import words
from ste_graph.json_values import equality_key


def assign_sides(clusters: Sequence[int], share: float, seed: int) -> dict[int, Split]:
    """Returns the side of each cluster.

    Clusters go to the held-out side, in an order drawn by `seed`, until about `share` of the items is there; a
    cluster that would overshoot is skipped. Of two or more clusters each side gets at least one; a single one is for
    training.
    """
    sizes = Counter(clusters)
    order = sorted(sizes)
    Random(seed).shuffle(order)
    if share <= 0 or len(sizes) < 2:
        return dict.fromkeys(sizes, "train")
    wanted = max(1, round(share * len(clusters)))
    heldout: set[int] = set()
    for cluster in order:
        if sum(sizes[other] for other in heldout) + sizes[cluster] <= wanted and len(heldout) < len(sizes) - 1:
            heldout.add(cluster)
    heldout = heldout or {min(order, key=lambda cluster: sizes[cluster])}
    return {cluster: "heldout" if cluster in heldout else "train" for cluster in sizes}


def leaks(examples: Iterable[Example], apart: Apart = "combination") -> list[str]:
    """Names everything that is on both sides of the split of a tool: a cluster, a request, the arguments of a call."""
    sides: dict[tuple[str, str, str], set[Split]] = defaultdict(set)
    for example in examples:
        for what, key in _marks(example, apart):
            sides[example.definition.name, what, key].add(example.split)
    return [f"{tool}: {what} {key}" for (tool, what, key), both in sides.items() if len(both) > 1]


def training_mask(examples: Sequence[Example]) -> list[bool]:
    """Per example, True if training on it is fair: no held-out example of any tool has the same request."""
    tests = {words(example.query) for example in examples if example.split == "heldout"}
    return [example.split == "heldout" or words(example.query) not in tests for example in examples]


def count_per_tool(examples: Iterable[Example]) -> Mapping[str, Counter[Split]]:
    """The number of examples on each side, by tool."""
    found: dict[str, Counter[Split]] = defaultdict(Counter)
    for example in examples:
        found[example.definition.name][example.split] += 1
    return found


def _marks(example: Example, apart: Apart) -> Iterable[tuple[str, str]]:
    yield "cluster", str(example.cluster)
    yield "the request", words(example.query).strip()
    yield from (("the trial", example.trial_id),)
    for key in sorted(separation_keys(example.arguments, example.definition.parameters, apart)):
        yield ("the arguments" if key == equality_key(example.arguments) else "the value"), key
