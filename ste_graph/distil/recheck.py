"""The gates that a reworded or negative request must pass: grounding again, and comparison with the other examples."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.contracts import Json, RecordView
from ste_graph.distil.gates import PASSED, CheckResult, drift_fault, reject
from ste_graph.distil.reading.normalisation import words
from ste_graph.distil.reading.wording import read_wording
from ste_graph.json_values import equality_key


def check_drift(reworded: Mapping[str, Json], tool: Mapping[str, Json]) -> CheckResult:
    """Checks that a reworded example asks for the same call as the request in its `paraphrase_of`."""
    fault = drift_fault(
        reworded["paraphrase_of"],
        reworded["query"],
        reworded["steps"][-1]["arguments"],
        tool["parameters"],
        reworded["stated_values"],
    )
    return reject("grounding", fault) if fault else PASSED


async def check_against_original(
    memory: RecordView,
    example: Mapping[str, Json],
    *,
    near: float,
    alike: float,
    same_call: bool = True,
    parameters: Mapping[str, Json] | None = None,
) -> CheckResult:
    """Checks that an example made of another one is new, and does not come close to the other side of the split.

    Args:
        memory: The examples of the tool so far, the original among them.
        example: The new one.
        near: The cosine from which two requests for the same call are duplicates.
        alike: The cosine from which two requests may not be on two sides of the split.
        same_call: False if the new request is to be answered otherwise than its original: then it may come near to
            that one, and only an equal request is a duplicate.
        parameters: The schema of the tool's parameters, where the two sides may not share a wording.
    """
    if parameters is not None:
        own = read_wording(example["query"], example["steps"][-1]["arguments"], parameters)
        for entry in await memory.entries():
            other = entry.record
            if other["split"] == example["split"] or other["kind"] != "call":
                continue
            if read_wording(other["query"], other["steps"][-1]["arguments"], parameters) == own:
                return reject(
                    "leak", f"has the wording of a request on the other side of the split: {other['query']!r:.120}"
                )
    query, arguments = example["query"], equality_key(example["steps"][-1]["arguments"])
    for neighbour in await memory.nearest(query, len(await memory.entries())):
        other, similarity = neighbour.entry.record, neighbour.similarity
        exact = words(other["query"]) == words(query)
        if not exact and similarity < min(near, alike):
            break
        which = f"{other['query']!r:.120} (a cosine of {similarity:.2f})"
        if other["split"] != example["split"] and (exact or similarity >= alike):
            return reject("leak", f"comes too close to a request on the other side of the split: {which}")
        same = same_call and other["kind"] == "call" and equality_key(other["steps"][-1]["arguments"]) == arguments
        if exact or (same and similarity >= near):
            return reject("duplicate", f"says nearly what another example says: {which}")
    return PASSED
