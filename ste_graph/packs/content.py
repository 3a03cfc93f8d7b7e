"""The files of a new pack, from what it carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.grouping import group
from ste_graph.packs.cases import GEPA, MCPCHECKER, gepa_rows, mcpchecker_files
from ste_graph.packs.leaks import LeakFinder, LeakKind
from ste_graph.packs.manifest import Manifest
from ste_graph.packs.pack import (
    CASES,
    DESCRIPTIONS,
    EVIDENCE,
    EXEMPLARS,
    FINGERPRINTS,
    GUIDELINE,
    LESSONS,
    README,
    SKILL,
    json_bytes,
    jsonl_bytes,
    mcp_tools,
)
from ste_graph.packs.skill import render_readme, render_skill
from ste_graph.packs.values import PackData, texts_of
from ste_graph.text import count_noun
from ste_graph.trials.lessons import Lesson, lesson_text

KEEPS: Mapping[str, LeakKind] = {"paths": "path", "addresses": "address"}
"""The kinds of leaks that may be let in on purpose, by the word of `--keep`."""
REFUSED: Mapping[LeakKind, str] = {
    "path": "a path of a machine",
    "address": "an address of a network",
    "secret": "a secret",
}


@dataclass(slots=True)
class LeftOut:
    """The items that a pack does not carry, counted by the reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the kind of record and the reason."""

    def add(self, what: str, reason: str) -> None:
        self.counts[what, reason] += 1

    @property
    def lines(self) -> list[str]:
        """A sentence for each reason."""
        return [
            f"{count_noun(count, what)} left out: {reason}" for (what, reason), count in sorted(self.counts.items())
        ]


def drop_leaks(data: PackData, finder: LeakFinder, keeps: Sequence[str]) -> tuple[PackData, LeftOut]:
    """The content of a pack, less the exemplars, lessons and cases that hold what no pack may.

    Raises `WorkflowError` if a definition, a guideline or a description holds it: without these there is no pack.
    """
    allowed = {KEEPS[keep] for keep in keeps}
    left_out = LeftOut()

    def fault(value: Json) -> str | None:
        kinds = [leak.kind for text in texts_of(value) for leak in finder.find(text) if leak.kind not in allowed]
        return REFUSED[min(kinds, key=("secret", "path", "address").index)] if kinds else None

    def clean(records: Sequence[dict[str, Any]], what: str) -> list[dict[str, Any]]:
        kept = []
        for record in records:
            if (reason := fault(record)) is None:
                kept.append(record)
            else:
                left_out.add(what, reason)
        return kept

    for where, value in _indispensable(data):
        for leak in (leak for text in texts_of(value) for leak in finder.find(text) if leak.kind not in allowed):
            keep = next((word for word, kind in KEEPS.items() if kind == leak.kind), None)
            way = f"; if everybody may see it, add --keep {keep}" if keep else "; take it out of the tool's definition"
            raise WorkflowError(f"{where} holds {REFUSED[leak.kind]} ({leak.shown}), which no pack may hold{way}")
    kept = PackData(
        clean(data.exemplars, "exemplar"), clean(data.lessons, "lesson"), clean(data.cases, "case"), data.guideline,
        data.descriptions, data.definitions,
    )  # fmt: skip
    return kept, left_out


def _indispensable(data: PackData) -> Iterator[tuple[str, Json]]:
    for name, tool in data.definitions.items():
        yield f"the definition of the tool `{name}`", [tool.description, tool.parameters]
    for name, text in data.guideline.items():
        yield f"the guideline of the tool `{name}`", text
    for name, own in data.descriptions.items():
        yield f"the rewritten description of the tool `{name}`", own.model_dump()


def pack_files(
    manifest: Manifest,
    data: PackData,
    evidence: Mapping[str, Any],
    examples: Mapping[str, Sequence[str]],
    notes: Sequence[str] = (),
) -> dict[str, bytes]:
    """Every file of a pack but its manifest. `examples` are exemplars as text, by tool."""
    learnt = map(Lesson.model_validate, data.lessons)
    lessons = group((lesson.tool, lesson_text(lesson).removeprefix("Lesson: ")) for lesson in learnt)
    descriptions = {name: own.model_dump(exclude_none=True) for name, own in data.descriptions.items()}
    definitions = {name: tool.model_dump(exclude={"name"}) for name, tool in data.definitions.items()}
    others = mcpchecker_files(manifest.name, data.cases)
    calls = [case for case in data.cases if case["kind"] == "call"]
    counts = {
        "descriptions": len(descriptions), "guideline": len(data.guideline), "exemplars": len(data.exemplars),
        "lessons": len(data.lessons), "calls": len(calls), "restraint": len(data.cases) - len(calls),
        MCPCHECKER: len(others),
    }  # fmt: skip
    asked = {case["gold"]["tool"] for case in calls}
    untested: Mapping[str, str] = evidence.get("untested") or {}
    if unasked := [f"`{name}`" for name in manifest.tools if name not in {*asked, *untested}]:
        notes = [
            *notes,
            f"No held-out request is about {', '.join(unasked)}: nothing that the pack says of it was tested.",
        ]
    notes = [*notes, *(f"No held-out request is about `{name}`: {why}." for name, why in untested.items())]
    overrides = mcp_tools(data.definitions, data.descriptions)
    return {
        SKILL: render_skill(manifest, data, examples, lessons, evidence).encode("utf-8", "replace"),
        README: render_readme(manifest, evidence, counts, notes).encode("utf-8", "replace"),
        EVIDENCE: json_bytes(dict(evidence)),
        FINGERPRINTS: json_bytes({"tools": definitions}),
        DESCRIPTIONS: json_bytes({"descriptions": descriptions, "tools": overrides}),
        GUIDELINE: json_bytes({"guideline": data.guideline}),
        EXEMPLARS: jsonl_bytes(data.exemplars),
        LESSONS: jsonl_bytes(data.lessons),
        CASES: jsonl_bytes(data.cases),
        GEPA: jsonl_bytes(gepa_rows(data.cases)),
        **{name: text.encode("utf-8", "replace") for name, text in others.items()},
    }
