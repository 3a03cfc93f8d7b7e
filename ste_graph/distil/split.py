"""The split into train and held-out, made before any use, and the check that nothing leaks between the two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.distil.clusters import Apart, assign_clusters, fill_defaults, separation_keys
from ste_graph.distil.example import Example, Side
from ste_graph.distil.negatives import choose_missing_argument
from ste_graph.distil.reading.normalisation import words
from ste_graph.distil.reading.wording import read_wording, request_keys
from ste_graph.distil.thresholds import DUPLICATE, RELATED, Cosine
from ste_graph.json_values import equality_key


class SplitFields(Frozen):
    """The settings of a split."""

    heldout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """The share of the candidates that is held out, about."""
    near: Cosine = DUPLICATE
    """The cosine from which two requests for the same call are duplicates."""
    alike: Cosine = RELATED
    """The cosine from which two requests belong to one cluster."""
    apart: Apart = "combination"
    """The parts besides the request that the two sides may not share: a call's arguments, any value, or the wording."""
    examples: Annotated[int, Field(ge=1)] = 150
    """The number of examples to reach, by saying the requests of the training side in other words."""
    seed: int = 0
    """Decides which clusters are held out."""


@dataclass(frozen=True, slots=True)
class SplitResult:
    """`selected` have a `split`, a `cluster`, `wordings` and `missing`; `rejected` a `gate` and a `reason`."""

    selected: list[dict[str, Json]]
    rejected: list[dict[str, Json]]
    train: int
    heldout: int


def split_candidates(
    records: Sequence[Mapping[str, Json]],
    near: Sequence[Sequence[tuple[int, float]]],
    parameters: Mapping[str, Json],
    settings: SplitFields,
) -> SplitResult:
    """Rejects duplicates, puts requests that belong together into clusters, and each cluster on one side.

    Args:
        records: The candidates of one tool.
        near: Per candidate the others, as index and cosine, the nearest first.
        parameters: The schema of the tool's parameters.
        settings: How to split.
    """
    duplicates = find_duplicates(records, near, settings.near, parameters)
    unique = [number for number in range(len(records)) if number not in duplicates]
    kept, surplus = unique[: settings.examples], unique[settings.examples :]
    rejected = [{**records[number], "gate": "duplicate", "reason": duplicates[number]} for number in sorted(duplicates)]
    reason = f"there are {settings.examples} already"
    rejected += [{**records[number], "gate": "surplus", "reason": reason} for number in surplus]

    position = {number: index for index, number in enumerate(kept)}
    keys = [
        {words(str(records[number]["query"]))}
        | request_keys(str(records[number]["query"]), _arguments(records[number]), parameters, settings.apart)
        for number in kept
    ]
    pairs = [
        (position[number], position[other])
        for number in kept
        for other, similarity in near[number]
        if similarity >= settings.alike and other in position
    ]
    clusters = assign_clusters(keys, pairs)
    sides = assign_sides(clusters, settings.heldout, settings.seed)
    wordings = iter(_share_wordings(settings.examples - len(kept), sum(sides[own] == "train" for own in clusters)))
    selected = [
        {
            **records[number],
            "split": sides[cluster],
            "cluster": cluster,
            "wordings": list(range(next(wordings))) if sides[cluster] == "train" else [],
            "missing": choose_missing_argument(
                records[number]["steps"], records[number]["stated_values"], parameters, number
            ),
        }
        for number, cluster in zip(kept, clusters, strict=True)
    ]
    train = sum(record["split"] == "train" for record in selected)
    return SplitResult(selected, rejected, train, len(selected) - train)


def find_duplicates(
    records: Sequence[Mapping[str, Json]],
    near: Sequence[Sequence[tuple[int, float]]],
    threshold: float,
    parameters: Mapping[str, Json],
) -> dict[int, str]:
    """The reason for each duplicate: it says the same as a candidate before it, which is not a duplicate itself."""
    duplicates: dict[int, str] = {}
    calls = [equality_key(fill_defaults(_arguments(record), parameters)) for record in records]
    for number, record in enumerate(records):
        query = words(str(record["query"]))
        for other, similarity in near[number]:
            if other >= number or other in duplicates or calls[other] != calls[number]:
                continue
            exact = query == words(str(records[other]["query"]))
            if exact or similarity >= threshold:
                how = "the same" if exact else f"nearly the same (a cosine of {similarity:.2f})"
                duplicates[number] = f"asks {how} as trial {records[other]['trial_id']}"
                break
    return duplicates


def assign_sides(clusters: Sequence[int], share: float, seed: int) -> dict[int, Side]:
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


def find_split_leaks(examples: Iterable[Example], apart: Apart = "combination") -> list[str]:
    """Names everything that is on both sides of the split of a tool: a cluster, a request, the arguments of a call."""
    sides: dict[tuple[str, str, str], set[Side]] = defaultdict(set)
    for example in examples:
        for what, key in _marks(example, apart):
            sides[example.definition.name, what, key].add(example.split)
    return [f"{tool}: {what} {key}" for (tool, what, key), both in sides.items() if len(both) > 1]


def training_mask(examples: Sequence[Example]) -> list[bool]:
    """Per example, True if training on it is fair: no held-out example of any tool has the same request."""
    tests = {words(example.query) for example in examples if example.split == "heldout"}
    return [example.split == "heldout" or words(example.query) not in tests for example in examples]


def count_per_tool(examples: Iterable[Example]) -> Mapping[str, Counter[Side]]:
    """The number of examples on each side, by tool."""
    found: dict[str, Counter[Side]] = defaultdict(Counter)
    for example in examples:
        found[example.definition.name][example.split] += 1
    return found


def _share_wordings(missing: int, train: int) -> list[int]:
    """The number of wordings of each of `train` requests, so that as many as are missing are made, evenly."""
    more = max(0, missing)
    return [more // train + (number < more % train) for number in range(train)]


def _arguments(record: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = record["steps"][-1]["arguments"] or {}
    return found


def _marks(example: Example, apart: Apart) -> Iterable[tuple[str, str]]:
    yield "cluster", str(example.cluster)
    yield "the request", words(example.query).strip()
    yield from (("the trial", example.trial_id),)
    parameters = example.definition.parameters
    if apart == "wording" and example.kind == "call":
        yield "the wording", read_wording(example.query, example.arguments, parameters)
    whole = equality_key(fill_defaults(example.arguments, parameters))
    for key in sorted(separation_keys(example.arguments, parameters, apart)):
        yield ("the arguments" if key == whole else "the value"), key
