"""A pack for a reader: SKILL.md for agents, README.md for a person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from ste_graph.packs.cases import GEPA, MCPCHECKER
from ste_graph.packs.manifest import Manifest
from ste_graph.packs.pack import (
    CASES,
    DESCRIPTIONS,
    EVIDENCE,
    EXEMPLARS,
    FINGERPRINTS,
    GUIDELINE,
    LESSONS,
    ToolDefinition,
)
from ste_graph.packs.usage import list_proofs, list_uses
from ste_graph.packs.values import PackData
from ste_graph.scoring.evaluation import SIMULATED_NOTE
from ste_graph.text import count_noun

MOST_LINES: Final = 499
"""The lines of a SKILL.md at most: loaders ask for fewer than 500."""
_DETAILS = ((2, 3, True), (1, 2, True), (1, 1, True), (1, 0, True), (0, 0, True), (0, 0, False))
"""Exemplars and lessons of a tool, and whether its parameters are listed: from the fullest to the shortest."""
_NAME, _DESCRIPTION = 64, 1024
SIMULATED: Final = SIMULATED_NOTE.strip()


def skill_name(name: str) -> str:
    """A name as Agent Skills want it: small letters, digits and single hyphens, at most 64."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_NAME].strip("-") or "tools"


def describe_gain(evidence: Mapping[str, Any]) -> str:
    """The gain in one phrase: points, interval, cases, model, date."""
    interval = evidence.get("interval")
    if not interval:
        return "no gain was measured"
    cases = interval.get("cases")
    size = f", {count_noun(cases, 'held-out request')}" if cases else ""
    day = str(evidence.get("evaluated") or "")[:10]
    return (
        f"{100 * interval['mean']:+.1f} points of right calls "
        f"(95 % {100 * interval['low']:+.1f}..{100 * interval['high']:+.1f}, "
        f"these tools{size}; {evidence.get('model')}, {day})"
    )


def describe_pack_state(manifest: Manifest, evidence: Mapping[str, Any], where: str = f"`{EVIDENCE}`") -> list[str]:
    """The lines that say what the pack is worth; `where` names the place of the reasons."""
    lines = [f"{SIMULATED}."] if manifest.simulated else []
    if manifest.adopted:
        return [*lines, f"Adopted: `{manifest.arm}` gained {describe_gain(evidence)}."]
    return [*lines, f"NOT ADOPTED, only to be looked at: {where} says why."]


def render_skill(
    manifest: Manifest,
    data: PackData,
    examples: Mapping[str, Sequence[str]],
    lessons: Mapping[str, Sequence[str]],
    evidence: Mapping[str, Any],
) -> str:
    """SKILL.md: when to use which tool, how to call it, and a few exemplars, in as much detail as fits."""
    tools = [data.definitions[name] for name in manifest.tools]
    head = [
        *_front_matter(manifest, tools, evidence),
        f"# {manifest.name}",
        "",
        *describe_pack_state(manifest, evidence),
        *_describe_untested(manifest, evidence),
        "",
    ]
    for most_examples, most_lessons, with_parameters in _DETAILS:
        lines = [*head, *_table(tools, data), ""]
        for tool in tools:
            lines += _section(
                tool, data, examples.get(tool.name, ())[:most_examples], lessons.get(tool.name, ())[:most_lessons],
                with_parameters=with_parameters,
            )  # fmt: skip
        if len(lines) <= MOST_LINES:
            return "\n".join(lines).rstrip() + "\n"
    lines = [*head, *_table(tools, data)]
    rest = [] if len(lines) <= MOST_LINES else [f"… and {len(lines) - MOST_LINES + 1} more: see `{FINGERPRINTS}`"]
    return "\n".join([*lines[: MOST_LINES - len(rest)], *rest]) + "\n"


def _describe_untested(manifest: Manifest, evidence: Mapping[str, Any]) -> list[str]:
    """The tools of which nothing was learnt, so that an agent does not look for them here."""
    names = [f"`{name}`" for name in evidence.get("untested") or () if name not in manifest.tools]
    return [f"Nothing was learnt about {', '.join(names)}."] if names else []


def _front_matter(manifest: Manifest, tools: Sequence[ToolDefinition], evidence: Mapping[str, Any]) -> list[str]:
    names = ", ".join(tool.name for tool in tools)
    purpose = (
        f"How to choose among and call these tools, learnt by trial: {names}. Use when a request may need one of them."
    )
    if len(purpose) > _DESCRIPTION:
        purpose = f"{purpose[: _DESCRIPTION - 1]}…"
    metadata = {
        "made-by": f"ste-graph {manifest.version}",
        "adopted": str(manifest.adopted).lower(),
        "simulated": str(manifest.simulated).lower(),
        "gain": describe_gain(evidence),
    }
    front = {"name": skill_name(manifest.name), "description": purpose, "metadata": metadata}
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=10_000)
    return ["---", *text.rstrip("\n").split("\n"), "---", ""]


def _table(tools: Sequence[ToolDefinition], data: PackData) -> list[str]:
    rows = [f"| `{tool.name}` | {_cell(_first_line(_description(tool, data)))} |" for tool in tools]
    return ["## Which tool", "", "| tool | for |", "|---|---|", *rows]


def _section(
    tool: ToolDefinition, data: PackData, examples: Sequence[str], lessons: Sequence[str], *, with_parameters: bool
) -> list[str]:
    lines = [f"## {tool.name}", ""]
    lines += [_one_line(_description(tool, data)), ""] if with_parameters else []
    if with_parameters and (parameters := _parameters(tool, data)):
        lines += [*parameters, ""]
    if guideline := data.guideline.get(tool.name):
        lines += [*guideline.strip().splitlines(), ""]
    if lessons:
        lines += [*(f"- {lesson}" for lesson in lessons), ""]
    for example in examples:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", example)), default=0))
        lines += [f"{fence}text", *example.split("\n"), fence, ""]
    return lines if len(lines) > len(("heading", "")) else []


def _parameters(tool: ToolDefinition, data: PackData) -> list[str]:
    own = data.descriptions.get(tool.name)
    required = tool.parameters.get("required") or ()
    lines = []
    for name, schema in (tool.parameters.get("properties") or {}).items():
        schema = schema if isinstance(schema, Mapping) else {}
        text = (own.parameters.get(name) if own else None) or schema.get("description") or ""
        kind = schema.get("type") if isinstance(schema.get("type"), str) else "value"
        choices = f", one of {', '.join(map(str, schema['enum']))}" if isinstance(schema.get("enum"), list) else ""
        lines.append(
            f"- `{name}` ({kind}{', required' if name in required else ''}{choices}) {_one_line(str(text))}".rstrip()
        )
    return lines


def _description(tool: ToolDefinition, data: PackData) -> str:
    own = data.descriptions.get(tool.name)
    return (own.description if own else None) or tool.description or "(no description)"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def render_readme(
    manifest: Manifest, evidence: Mapping[str, Any], counts: Mapping[str, int], notes: Sequence[str]
) -> str:
    """README.md: one page for a person. `counts` are of the pack's contents, by form, and of its cases, by kind."""
    table = str(evidence.get("table") or "").splitlines()
    proofs, uses = list_proofs(manifest, "PACK"), list_uses(manifest, "PACK")
    width = max(len(use.command) for use in [*proofs, *uses])
    lines = [
        f"# {manifest.name}",
        "",
        f"What a model learnt about {count_noun(len(manifest.tools), 'tool')} by trying them out, as "
        f"{', '.join(manifest.forms)}, with the proof. Made by ste-graph {manifest.version} on {manifest.made[:10]}.",
        "",
        *describe_pack_state(manifest, evidence, where="the table below"),
        "",
        "```text",
        *table,
        "```",
        "",
        *_files(counts),
        "",
        *(["Agents that load skills take the folder as it is. " + _OTHERS, ""] if uses else [_OTHERS, ""]),
        "```",
        *(f"{use.command:{width}}  # {use.purpose}" for use in [*proofs, *uses]),
        "```",
        "",
        *notes,
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


_OTHERS = "Other programs use ste-graph; PACK is this folder:"


def _files(counts: Mapping[str, int]) -> list[str]:
    """The table of the files; those of forms that the pack does not carry are empty, and left out of it."""
    rows = [("SKILL.md", "when to use which tool and how, for an agent that loads skills")]
    forms = {
        "descriptions": (DESCRIPTIONS, "rewritten description", ", also as entries of MCP's `tools/list`"),
        "guideline": (GUIDELINE, "guideline", ""), "exemplars": (EXEMPLARS, "exemplar", ""),
        "lessons": (LESSONS, "lesson", ""),
    }  # fmt: skip
    rows += [
        (file, f"{count_noun(counts[form], noun)}{more}")
        for form, (file, noun, more) in forms.items()
        if counts.get(form)
    ]
    restraint = f", and {counts['restraint']:,} in which none is right" if counts.get("restraint") else ""
    cases = count_noun(counts.get("calls", 0), "held-out request")
    tasks = "those with a known answer, as tasks of mcpchecker; its eval.yaml says which files of yours it needs"
    rows += [
        (CASES, f"{cases} with the right call{restraint}"),
        (GEPA, "those with a call, as rows for GEPA's MCP adapter"),
        *([(f"{MCPCHECKER}/", tasks)] if counts.get(MCPCHECKER) else []),
        (EVIDENCE, "decision, arms, gains, intervals, model, seeds, versions, ids of the runs"),
        (FINGERPRINTS, "the tools as they were"),
    ]
    return ["| file | holds |", "|---|---|", *(f"| `{file}` | {what} |" for file, what in rows)]
