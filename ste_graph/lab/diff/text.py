"""A difference as text for a person, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.lab.diff.columns import side_by_side
from ste_graph.lab.diff.difference import SIGHT, PartDifference, WorkflowDifference
from ste_graph.lab.diff.outcomes import only_in_one, outcome_json, place_text
from ste_graph.lab.diff.workflows import ShownPrompt
from ste_graph.scoring.tables import gain_text
from ste_graph.text import align_columns, count_noun, join_first

SHOWN: Final = 24
"""Lines of a prompt, and trials of a tool, that a text shows; the rest is counted."""


def diff_text(found: WorkflowDifference, width: int, *, full: bool = False) -> str:
    """The difference, section by section, or one sentence if the two are equal."""
    if not found:
        lines = [f"{found.a.name} and {found.b.name} do not differ in {_comparison_scope(found)}."]
        return "\n".join([*lines, *found.remarks])
    lines = [f"a: {found.a.name}", f"b: {found.b.name}"]
    for part in found.parts:
        lines += _part_lines(part, width, full=full)
    if found.budget:
        rows = [[name, _number(a), "→", _number(b)] for name, (a, b) in found.budget.items()]
        lines += ["", "budget", *_indent(align_columns(rows))]
    if found.spent:
        rows = [[each.name.replace("_", " "), _number(each.a), "→", _number(each.b)] for each in found.spent]
        lines += ["", "spent", *_indent(align_columns(rows))]
    lines += _outcome_lines(found)
    if found.remarks:
        lines += ["", *found.remarks]
    return "\n".join(lines)


def _comparison_scope(found: WorkflowDifference) -> str:
    if found.outcomes:
        trials = count_noun(found.outcomes[0].cases + found.outcomes[0].unjudged, "trial")
        return f"graph, settings, prompts, what they spent, and the outcomes of {trials}"
    both_are_files = found.a.experiment is not None and found.b.experiment is not None
    return "graph, settings, prompts and budget" if both_are_files else "graph, settings and prompts"


def _part_lines(part: PartDifference, width: int, *, full: bool) -> Iterator[str]:
    where = f" of {part.name}" if part.name else ""
    if part.graph or part.outline:
        yield ""
        yield f"graph{where}"
        yield from _indent([str(change) for change in part.graph])
        if part.outline:
            yield from _indent(["", *part.outline])
    if part.settings:
        yield ""
        yield f"settings{where}"
        yield from _indent([str(change) for change in part.settings])
    if part.prompts:
        yield ""
        yield f"prompts{where} ({'their files' if part.prompts_are_templates else SIGHT})"
        for prompt in part.prompts:
            yield from _indent(_prompt_lines(prompt, width - 2, full=full))


def _prompt_lines(prompt: ShownPrompt, width: int, *, full: bool) -> Iterator[str]:
    if prompt.a is None or prompt.b is None:
        only, lines = ("b", prompt.b or []) if prompt.a is None else ("a", prompt.a)
        yield f"{prompt.title}: only in {only}"
        shown = list(lines)
    else:
        yield prompt.title
        shown = side_by_side(prompt.a, prompt.b, width - 2)
    most = len(shown) if full else SHOWN
    yield from _indent(shown[:most])
    if len(shown) > most:
        yield f"  … {count_noun(len(shown) - most, 'more line')}; --full shows them"


def _outcome_lines(found: WorkflowDifference) -> Iterator[str]:
    if found.pair is None:
        return
    yield ""
    yield "outcomes (simulated)" if found.is_simulated else "outcomes"
    rows = [["  tool", "outcome", "trials", "a", "b", "only a", "only b"]]
    for each in found.outcomes:
        for own in each.differing:
            counts = [own.cases, own.a, own.b, len(own.only_a), len(own.only_b)]
            rows.append([f"  {own.tool}", own.outcome, *map(str, counts)])
    if len(rows) > 1:
        yield from align_columns(rows, left=(0, 1))
        for each in found.outcomes:
            for own in each.differing:
                for whose, places in (("a", own.only_a), ("b", own.only_b)):
                    if places:
                        listed = join_first([*map(place_text, places)], SHOWN, "; ")
                        yield f"  {own.tool}, {own.outcome} only in {whose}: {listed}"
    elif found.outcomes:
        yield "  no trial came out otherwise"
    for each in found.outcomes:
        if each.gain is not None:
            words = f"  {each.outcome}, b minus a, in points over {count_noun(each.cases, 'trial')}"
            yield f"{words}: {gain_text(each.gain)}"
        if each.unjudged:
            yield f"  {each.outcome}: {count_noun(each.unjudged, 'pair')} not compared, where a trial has no verdict"
    only_a, only_b = only_in_one(found.pair)
    if only_a or only_b:
        yield f"  trials that only one run has at their place: {only_a} in a, {only_b} in b"
    for unit, why in found.pair.left_out.items():
        yield f"  {unit} is not compared: {why}"


def difference_json(found: WorkflowDifference) -> dict[str, Json]:
    """The difference for other programs."""
    return {
        "a": found.a.name,
        "b": found.b.name,
        "differs": bool(found),
        "simulated": found.is_simulated,
        "parts": [
            {
                "name": part.name or None,
                "graph": [
                    {"part": each.part, "name": each.name, "change": each.change, "detail": each.detail or None}
                    for each in part.graph
                ],
                "settings": {each.path: {"a": each.a, "b": each.b} for each in part.settings},
                "prompts": [{"place": each.title, "a": each.a, "b": each.b} for each in part.prompts],
            }
            for part in found.parts
            if part
        ],
        "budget": {name: {"a": a, "b": b} for name, (a, b) in found.budget.items()},
        "spent": {each.name: {"a": each.a, "b": each.b} for each in found.spent},
        "outcomes": [outcome_json(each) for each in found.outcomes],
        "left_out": dict(found.pair.left_out) if found.pair else {},
        "remarks": found.remarks,
    }


def _number(value: Json) -> str:
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _indent(lines: Sequence[str] | Iterator[str]) -> list[str]:
    return [f"  {line}" if line else line for line in lines]
