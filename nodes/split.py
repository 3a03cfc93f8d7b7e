"""Split: which candidates become examples, on which side of the split, and how often each is said in other words."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ste_graph.contracts import Context, Json, Neighbour, RecordView
from ste_graph.distil.clusters import Apart, assign_clusters, separation_keys
from ste_graph.distil.negatives import choose_missing_argument
from ste_graph.distil.normalisation import words
from ste_graph.distil.split import assign_sides
from ste_graph.distil.thresholds import DUPLICATE, RELATED, Cosine
from ste_graph.json_values import equality_key
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Split(Node):
    """Leave out duplicates, put requests that belong together into clusters, and clusters on one side each.

    A duplicate says the same, or nearly (a cosine of `near` or more), and asks for the same call. Requests belong
    together where their cosine is `alike` or more, where their calls have the same arguments, or, with
    `apart: value`, any freely chosen value in common. About `heldout` of the candidates are held out. The training side
    is filled up to `examples` by saying its requests in other words, as evenly as may be.

    Differs: the paper's code drops exact duplicates only and splits nothing; its test requests were made apart.
    """

    memory: RecordView
    heldout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    near: Cosine = DUPLICATE
    alike: Cosine = RELATED
    apart: Apart = "combination"
    examples: Annotated[int, Field(ge=1)] = 150
    seed: int = 0

    class Inputs(NodeInputs):
        """The tool."""

        tool: dict[str, Any]

    class Outputs(NodeOutputs):
        """`chosen` are candidates with a `split`, a `cluster` and `wordings`: a list as long as there are to be such.

        `missing` names a required value that their request says, if any. `left_out` have a `gate` and a `reason`.
        """

        chosen: list[dict[str, Any]]
        left_out: list[dict[str, Any]]
        train: int
        heldout: int

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        entries = await self.memory.entries()
        place = {entry.id: number for number, entry in enumerate(entries)}
        near = [await self.memory.nearest(entry.text, len(entries)) for entry in entries]
        records = [entry.record for entry in entries]
        twins = _twins(records, near, place, self.near)
        kept = [number for number in range(len(records)) if number not in twins][: self.examples]
        left_out = [_refused(records[number], "duplicate", twins[number]) for number in sorted(twins)]
        surplus = [number for number in range(len(records)) if number not in twins][self.examples :]
        left_out += [_refused(records[number], "surplus", f"there are {self.examples} already") for number in surplus]

        parameters = inputs.tool["parameters"]
        keys = [separation_keys(_arguments(records[number]), parameters, self.apart) for number in kept]
        texts = [{words(str(records[number]["query"]))} for number in kept]
        at = {number: index for index, number in enumerate(kept)}
        pairs = [
            (at[number], at[place[one.entry.id]])
            for number in kept
            for one in near[number]
            if one.similarity >= self.alike and place[one.entry.id] in at
        ]
        groups = assign_clusters([own | text for own, text in zip(keys, texts, strict=True)], pairs)
        sides = assign_sides(groups, self.heldout, self.seed)
        train = sum(sides[group] == "train" for group in groups)
        more = max(0, self.examples - len(kept)) if train else 0
        chosen: list[dict[str, Any]] = []
        nth = 0
        for number, group in zip(kept, groups, strict=True):
            wordings = 0
            if sides[group] == "train":
                wordings = more // train + (nth < more % train)
                nth += 1
            stated_values, steps = records[number]["stated_values"], records[number]["steps"]
            chosen.append(
                {
                    **records[number],
                    "split": sides[group],
                    "cluster": group,
                    "wordings": list(range(wordings)),
                    "missing": choose_missing_argument(steps, stated_values, parameters, number),
                }
            )
        return self.Outputs(chosen=chosen, left_out=left_out, train=train, heldout=len(kept) - train)


def _twins(
    records: list[dict[str, Json]], near: list[list[Neighbour]], place: dict[str, int], threshold: float
) -> dict[int, str]:
    """Per duplicate why it is one: it says what one before it says, which is no duplicate itself."""
    twins: dict[int, str] = {}
    for number, record in enumerate(records):
        same = equality_key(_arguments(record))
        for one in near[number]:
            other = place[one.entry.id]
            if other >= number or other in twins or equality_key(_arguments(records[other])) != same:
                continue
            exact = words(str(record["query"])) == words(str(records[other]["query"]))
            if exact or one.similarity >= threshold:
                how = "the same" if exact else f"nearly the same (a cosine of {one.similarity:.2f})"
                twins[number] = f"asks {how} as trial {records[other]['trial_id']}"
                break
    return twins


def _arguments(record: dict[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = record["steps"][-1]["arguments"] or {}
    return found


def _refused(record: dict[str, Json], gate: str, reason: str) -> dict[str, Json]:
    return {**record, "gate": gate, "reason": reason}
