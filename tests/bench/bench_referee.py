"""The shares of tests in which the referee adopts the form that helps, and one where none does: 200 worlds a row.

`BENCH_SEEDS` sets another number.
"""

from __future__ import annotations

import os
from dataclasses import replace

from ste_graph.cli.text.forecast import power_at
from tests.planted_forms import CANDIDATES, FORMS, World

SEEDS = int(os.environ.get("BENCH_SEEDS", "200"))


def main() -> None:
    """Print the share of worlds in which each form was adopted, beside the power that a plan states."""
    for world in (World(), World(replies=3), World(tools=4, cases=15)):
        power = power_at(world.gain, world.tools * world.cases, len(CANDIDATES))
        print(
            f"  {world.tools} tools x {world.cases} cases, {world.replies} replies a case, {len(CANDIDATES)}"
            f" candidates, true gain {100 * world.gain:.0f} points: power by the plan {power:.3f}",
            flush=True,
        )
        for form in FORMS:
            found = [replace(world, helpful=form).decide(seed) for seed in range(SEEDS)]
            adopted = [decision.candidate for decision in found if decision.choice == "adopt"]
            right = adopted.count(form) / SEEDS
            print(f"    {form:13} adopted {right:.3f}, another {len(adopted) / SEEDS - right:.3f}", flush=True)
        none = [world.decide(seed).choice == "keep" for seed in range(2 * SEEDS)]
        print(f"    none helps    nothing adopted {sum(none) / len(none):.3f}", flush=True)
