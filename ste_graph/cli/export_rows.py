"""`ste export --form messages|prompt-completion|paper`: the examples of a run as a data set."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from ste_graph.command_line import echo, write_result
from ste_graph.contracts import Json, is_simulated
from ste_graph.distil.example import Example
from ste_graph.distil.reading.wording import count_wordings
from ste_graph.distil.split import count_per_tool, training_mask
from ste_graph.errors import WorkflowError
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.training.rows.examples import check_leaks, read_examples
from ste_graph.training.rows.export import rows_from_examples
from ste_graph.training.rows.format import ArgumentFormat, RowFormat, SplitSide


def export_rows(
    run: Path,
    form: RowFormat,
    out: Path | None,
    *,
    answer_row: bool,
    split: SplitSide,
    arguments: ArgumentFormat,
    tool: Sequence[str] | None,
) -> None:
    """Write the examples of a run as JSON Lines. Raises `WorkflowError` if it has no examples."""
    distilled = read_examples(run)
    check_leaks(distilled)
    every = list(distilled)
    fair = [example for example, good in zip(every, training_mask(every), strict=True) if good]
    chosen = [example for example in fair if example.split == split.value and _is_selected(example, tool, every)]
    if not chosen:
        raise WorkflowError(f"{run}: the side `{split.value}` of the split has no example; nothing was written")
    rows = rows_from_examples(chosen, form, answer=answer_row, arguments=arguments)
    write_result("\n".join(map(_json_line, rows)), out)
    for remark in _remarks(every, len(every) - len(fair), split):
        echo(f"note: {remark}", error=True)
    target = f": {out}" if out else ""
    echo(f"{len(rows)} rows of {len(chosen)} examples ({split.value}){target}", error=True)


def _is_selected(example: Example, tools: Sequence[str] | None, every: Sequence[Example]) -> bool:
    known = {other.definition.name for other in every}
    if missing := sorted(set(tools or ()) - known):
        hint = did_you_mean(missing[0], known)
        examples = list_choices(known)
        raise WorkflowError(f"--tool {missing[0]}: this run has no example of it; {hint}it has examples of: {examples}")
    return not tools or example.definition.name in tools


def _json_line(row: dict[str, Json]) -> str:
    """A row as JSON, with the control characters escaped that JSON itself allows."""
    text = json.dumps(row, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _remarks(every: Sequence[Example], left_out: int, split: SplitSide) -> list[str]:
    """Notes on the rows for a person."""
    remarks = []
    if left_out and split is SplitSide.train:
        remarks.append(f"{left_out} left out, whose request is on the held-out side of another tool")
    held_out = count_wordings(every)
    if held_out.alike and split is not SplitSide.train:
        remarks.append(f"held out: {held_out.text}")
    empty = sorted(tool for tool, sides in count_per_tool(every).items() if not sides["heldout"])
    if empty:
        remarks.append(f"no held-out case of: {', '.join(empty)}")
    if any(is_simulated(example.model) for example in every):
        remarks.append("made with a simulated model: it shows that the plumbing works, and nothing about a real one")
    return remarks
