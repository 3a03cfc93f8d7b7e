"""The proof of a workflow: the base and its variants, each run and judged."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ste_graph.diagnostics import Diagnostic
from ste_graph.lab.proofs.arm import Arm, run_arm
from ste_graph.lab.proofs.findings import find_faults, name_arm
from ste_graph.language.workflow import Workflow
from ste_graph.text import count_noun


@dataclass(frozen=True, slots=True)
class Proof:
    """The arms that were run, in order, and what is wrong with them."""

    arms: tuple[tuple[Arm, Arm | None], ...]
    """Each arm (or part of one), and the base to which it is compared; None for the base itself."""
    diagnostics: tuple[Diagnostic, ...]

    def lines(self) -> list[str]:
        """For each arm, what arrives in which prompt; for a variant, what it takes away."""
        prompts = sum(arm.evidence.prompts for arm, _ in self.arms)
        seen = f"{count_noun(len(self.arms), 'arm')}, {count_noun(prompts, 'prompt')}"
        lines = [f"proofs: {seen}; no model was asked and no tool was called"]
        for arm, base in self.arms:
            lines.append(f"  {arm.name}")
            lines += [f"    {line}" for line in _arm_lines(arm, base)]
        return lines


def prove(base: Workflow, variants: Sequence[Workflow] = ()) -> Proof:
    """Run the base and variants of a workflow offline, and judge what arrives in their prompts.

    Nothing is written outside a passing folder.
    """
    with tempfile.TemporaryDirectory(prefix="ste-proofs-") as folder, _quiet():
        pairs = list(asyncio.run(_run(base, variants, Path(folder))))
    found: dict[tuple[str, object, str], Diagnostic] = {}
    for arm, own_base in pairs:
        for fault in find_faults(arm, own_base):
            # Of several arms with the same fault, the first one is named.
            found.setdefault((fault.code, fault.span, fault.message), name_arm(fault, arm))
    return Proof(tuple(pairs), tuple(sorted(found.values(), key=lambda each: (each.severity, each.span, each.message))))


async def _run(base: Workflow, variants: Sequence[Workflow], folder: Path) -> list[tuple[Arm, Arm | None]]:
    own = await run_arm(base, folder / "base")
    pairs: list[tuple[Arm, Arm | None]] = [(arm, None) for arm in own]
    parts = {arm.name.partition(", ")[2]: arm for arm in own}
    for number, variant in enumerate(variants):
        for arm in await run_arm(variant, folder / f"variant-{number}"):
            pairs.append((arm, parts.get(arm.name.partition(", ")[2])))
    return pairs


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the warnings of the engine, which are not about the workflow: the run is not a real one."""
    logger = logging.getLogger("ste_graph")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _arm_lines(arm: Arm, base: Arm | None) -> list[str]:
    if not arm.was_run:
        return ["not run"]
    return _arrivals(arm) if base is None or not base.was_run else _taken_away(arm, base)


def _arrivals(arm: Arm) -> list[str]:
    """The memories that each node uses and that arrive, by node."""
    rows: dict[str, list[str]] = {}
    for (kind, memory, node, _), wire in arm.evidence.wires.items():
        if kind == "transcript" and wire.arrived:
            part = memory
        elif kind == "prompt" and wire.arrived:
            fields = [name for name, number in wire.fields.items() if number > 0 and name]
            part = f"{memory} ({', '.join(fields)})" if fields else memory
        elif kind == "node" and wire.filled:
            readers = [reader for (of, _, reader), each in arm.evidence.outputs.items() if of == node and each.arrived]
            part = (
                f"{memory}, passed on to {', '.join(dict.fromkeys(readers))}"
                if readers
                else f"{memory}, read by the node itself"
            )
        else:
            continue
        if part not in rows.setdefault(node, []):
            rows[node].append(part)
    width = max(map(len, rows), default=0)
    return [f"{node:{width}}  {'; '.join(parts)}" for node, parts in rows.items()] or ["no memory arrives anywhere"]


def _taken_away(arm: Arm, base: Arm) -> list[str]:
    """The things that arrived in the base but not in a variant, and the memories that no longer reach a node."""
    lines = []
    for (origin, distance), before in base.evidence.arrivals.items():
        own = arm.evidence.arrivals.get((origin, distance))
        if own is None or not (own.ways or own.passed_on):
            by = ", ".join(sorted({**before.ways, **before.passed_on}))
            whose = "another unit" if distance == "unit" else f"another {distance}"
            lines.append(f"takes away what {origin} gave in {whose}" + (f" (by {by})" if by else ""))
    gone = sorted(_filled(base) - _filled(arm))
    lines += [f"takes {memory} away from {node}" for memory, node in gone]
    return lines or ["takes away nothing that memories bring"]


def _filled(arm: Arm) -> set[tuple[str, str]]:
    """The memories in which something was, each with the node that used it."""
    return {(memory, node) for (_, memory, node, _), wire in arm.evidence.wires.items() if wire.filled}
