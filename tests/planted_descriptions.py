"""A planted world for the search of descriptions: a tool whose parameters have forms that only a description can tell.

`python -m tests.planted_descriptions` prints how both methods do with the same calls at most (docs/forms.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import get_args

from ste_graph.forms.description import ToolWording
from ste_graph.forms.gepa_search import search_with_gepa
from ste_graph.forms.search import (
    BEFORE,
    CaseResult,
    Ledger,
    MissingProposalError,
    MissingTestError,
    Proposal,
    SearchCase,
    SearchMethod,
    case_key,
    proposal_arm,
    search_own,
)

PARAMETERS = ("city", "day", "seats", "fare", "bags", "meal")
BUDGETS = {"own": (5, 8), "gepa": (11, 3)}
"""Rounds and requests a round: 45 calls at most, and 44."""
NEW = 1000
"""Requests that no search has seen, which the descriptions in the end are measured on."""


@dataclass(frozen=True)
class World:
    """The rates at which a model learns from trials and from descriptions."""

    noticed: float = 0.3
    """The chance that a proposal tells the form of a parameter, as the trials show it."""
    corrected: float = 0.8
    """The chance that it tells the form of one that it was shown a wrong reply for."""
    forgotten: float = 0.1
    """The chance that it leaves out what the descriptions had told."""
    lucky: float = 0.25
    """The chance that a parameter is filled in rightly whose form no description tells."""

    def cases(self, count: int, random: Random) -> list[SearchCase]:
        """Requests, each of which needs the forms of two parameters."""
        return [_case(f"{random.random()}", random.sample(PARAMETERS, 2)) for _ in range(count)]

    def is_right(self, case: SearchCase, wording: ToolWording, seed: int) -> bool:
        """The reply to a case: the same for the same descriptions of what it needs."""
        return all(
            name in wording.parameters or Random(f"{seed} {case['query']} {name}").random() < self.lucky
            for name in case["gold"]["arguments"]
        )

    def propose(self, parent: ToolWording, wrong: Sequence[SearchCase], random: Random) -> ToolWording:
        """Descriptions that a model writes from trials, the descriptions of before and wrong replies."""
        shown = {name for case in wrong for name in case["gold"]["arguments"]}
        told = [
            name
            for name in PARAMETERS
            if random.random() < self.noticed
            or (name in shown and random.random() < self.corrected)
            or (name in parent.parameters and random.random() >= self.forgotten)
        ]
        text = f"Flights, {random.random()}."
        return ToolWording(description=text, parameters={name: "Written as in 3." for name in told})


@dataclass(frozen=True)
class Found:
    """The result of a search: the share of new requests that are served rightly before and after, and its calls."""

    before: float
    after: float
    proposals: int
    replies: int


def search(world: World, method: SearchMethod, seed: int, *, rounds: int, batch: int, validation: int = 8) -> Found:
    """Search as the graph of describe.yaml does, round by round."""
    random = Random(seed)
    aside, training, new = (world.cases(count, random) for count in (validation, 15, NEW))
    now = ToolWording(description="Flights.")
    proposals: list[Proposal] = []
    results: dict[tuple[str, str], CaseResult] = {}

    def ledger() -> Ledger:
        return Ledger(now, validation=aside, training=training, proposals=proposals, results=results)

    for _ in range(rounds):
        known = ledger()
        try:
            search_own(known) if method == "own" else search_with_gepa(known, seed=seed, batch=batch)
            break
        except MissingTestError as missing:
            arm, cases, wording = missing.arm, missing.cases, known.wordings[missing.arm]
        except MissingProposalError as missing:
            parent = known.wordings[missing.parent]
            wrong = [case for case in missing.cases if not world.is_right(case, parent, seed)]
            wording = world.propose(parent, wrong, random)
            keys = tuple(map(case_key, missing.cases))
            proposals.append(Proposal(**wording.model_dump(), parent=missing.parent, cases=keys))
            arm, cases = proposal_arm(len(proposals)), missing.cases or tuple(aside)
        for case in cases[:batch]:
            assert (arm, case_key(case)) not in results
            results[arm, case_key(case)] = CaseResult(world.is_right(case, wording, seed), "")
    known = ledger()
    best = known.find_best()
    before, after = (
        fmean(world.is_right(case, known.wordings[arm], seed) for case in new)
        for arm in (BEFORE, best[0] if best else BEFORE)
    )
    return Found(before, after, len(proposals), len(results))


def _case(query: str, names: Sequence[str]) -> SearchCase:
    return {"query": query, "gold": {"tool": "fly", "arguments": dict.fromkeys(names, 1)}}


def measure(world: World, method: SearchMethod, seeds: int) -> dict[str, float]:
    """The means over seeds of what a search comes to within its budget."""
    rounds, batch = BUDGETS[method]
    found = [search(world, method, seed, rounds=rounds, batch=batch) for seed in range(seeds)]
    names = ("before", "after", "proposals", "replies")
    return {
        **{name: fmean(getattr(each, name) for each in found) for name in names},
        "most_calls": max(each.proposals + each.replies for each in found),
        "harmed": fmean(each.after < each.before for each in found),
    }


if __name__ == "__main__":
    for world in (World(), World(corrected=0.3), World(noticed=0.7), World(noticed=0.0, corrected=0.0)):
        for method in get_args(SearchMethod):
            figures = measure(world, method, 200)
            print(world, method, {name: round(value, 3) for name, value in figures.items()})
