"""The split into train and held-out, made before any use, and the check that nothing leaks between the two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from ste_graph.json_values import equality_key

from .clusters import Apart, keys_of
from .example import Example, Split
from ste_graph.distil.normalisation import words


def assigned(clusters: Sequence[int], share: float, seed: int) -> dict[int, Split]:
    """Per cluster the side it is on.

    Clusters go to the held-out side, in an order drawn by `seed`, until about `share` of the items is there; one that
    would overshoot is passed over. Of two or more clusters each side gets at least one; a single one is for training.
    """
    sizes = Counter(clusters)
    order = sorted(sizes)
    Random(seed).shuffle(order)
    if share <= 0 or len(sizes) < 2:
        return dict.fromkeys(sizes, "train")
    wanted = max(1, round(share * len(clusters)))
    heldout: set[int] = set()
    for cluster in order:
        if sum(sizes[one] for one in heldout) + sizes[cluster] <= wanted and len(heldout) < len(sizes) - 1:
            heldout.add(cluster)
    heldout = heldout or {min(order, key=lambda cluster: sizes[cluster])}
    return {cluster: "heldout" if cluster in heldout else "train" for cluster in sizes}


def leaks(examples: Iterable[Example], apart: Apart = "combination") -> list[str]:
    """What stands on both sides of the split of one tool: a cluster, a request, a call's arguments."""
    sides: dict[tuple[str, str, str], set[Split]] = defaultdict(set)
    for example in examples:
        for what, key in _marks(example, apart):
            sides[example.definition.name, what, key].add(example.split)
    return [f"{tool}: {what} {key}" for (tool, what, key), both in sides.items() if len(both) > 1]


def without_heldout(examples: Sequence[Example]) -> list[bool]:
    """Per example, whether training on it is fair: no held-out example of any tool has the same request."""
    tests = {words(example.query) for example in examples if example.split == "heldout"}
    return [example.split == "heldout" or words(example.query) not in tests for example in examples]


def per_tool(examples: Iterable[Example]) -> Mapping[str, Counter[Split]]:
    """Per tool, how many examples stand on each side."""
    found: dict[str, Counter[Split]] = defaultdict(Counter)
    for example in examples:
        found[example.definition.name][example.split] += 1
    return found


def _marks(example: Example, apart: Apart) -> Iterable[tuple[str, str]]:
    yield "cluster", str(example.cluster)
    yield "the request", words(example.query).strip()
    yield from (("the trial", example.trial_id),)
    for key in sorted(keys_of(example.arguments, example.definition.parameters, apart)):
        yield ("the arguments" if key == equality_key(example.arguments) else "the value"), key
