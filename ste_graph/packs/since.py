"""Going on from a pack: which tools are explored again, and what the pack keeps of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ste_graph.contracts import VERIFIED, Json, Tool
from ste_graph.files.document import read_values
from ste_graph.packs.drift import compare_tools
from ste_graph.packs.pack import EXEMPLARS, Pack, ToolDefinition
from ste_graph.text import count_noun

Standing: TypeAlias = Literal["new", "changed", "weak", "kept", "gone"]
"""A tool compared with a pack: `weak` is as it was, but the pack's evidence about it is poor; `gone` exists no more."""

LEAST_CASES = 3
"""Held-out requests of a tool from which its evidence is not poor."""


@dataclass(frozen=True, slots=True)
class ToolStanding:
    """The standing of one tool, and why."""

    tool: str
    standing: Standing
    reason: str

    @property
    def is_explored(self) -> bool:
        """True if the tool is explored (again)."""
        return self.standing in ("new", "changed", "weak")


def review_tools(pack: Pack, tools: Sequence[Tool], least: int = LEAST_CASES) -> list[ToolStanding]:
    """The standing of every tool that there is, in order, and of those that are gone."""
    report, weak = compare_tools(pack.definitions, tools), find_weak(pack, least)
    untested: Mapping[str, str] = pack.evidence.get("untested") or {}
    changed = {drift.tool: drift for drift in report.changed}
    cases = _count_cases(pack)
    found = []
    for tool in tools:
        if tool.name in report.new and tool.name in untested:
            again = f"when the pack was made: {untested[tool.name]}; to leave it out: `exclude: [{tool.name}]`"
            found.append(ToolStanding(tool.name, "weak", again))
        elif tool.name in report.new:
            found.append(ToolStanding(tool.name, "new", "the pack does not know it"))
        elif tool.name in changed:
            found.append(ToolStanding(tool.name, "changed", changed[tool.name].text.partition(": ")[2]))
        elif tool.name in weak:
            found.append(ToolStanding(tool.name, "weak", weak[tool.name]))
        else:
            found.append(ToolStanding(tool.name, "kept", f"{count_noun(cases[tool.name], 'case')} in the pack"))
    gone = [drift.tool for drift in report.changed if drift.gone]
    return found + [ToolStanding(name, "gone", "it is no longer among the tools") for name in gone]


def find_weak(pack: Pack, least: int = LEAST_CASES) -> dict[str, str]:
    """The tools about which the evidence of a pack is poor, each with the reason.

    That is: the pack was not adopted for it, holds fewer than `least` requests about it, or shows nothing of it.
    """
    cases, shown = _count_cases(pack), {str(line["tool"]) for line in _exemplar_lines(pack)} | {*pack.guideline}
    shows = not {"exemplars", "guideline"}.isdisjoint(pack.manifest.forms)
    found = {}
    for name in pack.definitions:
        if name not in pack.manifest.tools:
            found[name] = "the pack was not adopted for it"
        elif cases[name] < least:
            found[name] = f"{count_noun(cases[name], 'held-out request')} about it, of at least {least}"
        elif shows and name not in shown:
            found[name] = "the pack has nothing to show of it"
    return found


def find_current(pack: Pack, definitions: Mapping[str, ToolDefinition]) -> frozenset[str]:
    """The tools of a pack that are as they were, compared with those of a later test."""
    return frozenset(
        name
        for name, own in pack.definitions.items()
        if name in definitions and definitions[name].fingerprint == own.fingerprint
    )


def kept_examples(pack: Pack, tools: Collection[str]) -> dict[str, list[dict[str, Json]]]:
    """The examples of some tools in a pack, in the form of a split: its exemplars to learn from, its cases held out.

    An exemplar that also calls a tool which is not among them is left out.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in tools}
    for line in _exemplar_lines(pack):
        called = {step["action"] for step in line["calls"] if step["action"]}
        if line["tool"] in found and called <= {*tools}:
            found[line["tool"]].append({
                "kind": "call", "answer": line.get("answer"), "steps": line["calls"], "split": "train",
                "trial_id": line.get("trial_id") or line["id"], "model": line.get("model"), "query": line["query"],
                "gates": list(line["verified"]),
            })  # fmt: skip
    for number, case in enumerate(pack.cases):
        if case.gold.tool in found:
            seen = None if case.reference is None else {"ok": True, "kind": "ok", "text": case.reference}
            step = {"thought": None, "action": case.gold.tool, "arguments": case.gold.arguments, "observation": seen}
            found[case.gold.tool].append({
                "kind": case.kind, "answer": case.reference, "steps": [step], "split": "heldout",
                "trial_id": f"case {number}", "model": pack.manifest.model, "query": case.query, "gates": [*VERIFIED],
            })  # fmt: skip
    for own in found.values():
        for place, example in enumerate(own):  # each in a cluster of its own: the pack has kept the sides apart
            last = example["steps"][-1]["action"]
            example.update(cluster=place, fingerprint=pack.definitions[last].fingerprint)
    return found


def _exemplar_lines(pack: Pack) -> Iterator[Mapping[str, Any]]:
    return (line for _, line in read_values(pack.path / EXEMPLARS) if isinstance(line, Mapping))


def _count_cases(pack: Pack) -> Counter[str]:
    """The requests that want a call, by tool."""
    return Counter(case.gold.tool for case in pack.cases if case.kind == "call")
