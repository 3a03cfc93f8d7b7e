"""The labels stored next to the replies in a file, as the paper's notebook left them."""

from __future__ import annotations

from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.scoring.case import parse_case, read_by_tool
from ste_graph.scoring.label import OWN_RULES
from ste_graph.scoring.predictions import OUTPUT, TRUTHS
from ste_graph.scoring.problems import problems_error
from ste_graph.scoring.reply import ArmReply
from ste_graph.scoring.score_sheet import ScoreSheet


def read_stored_labels(path: Path) -> ScoreSheet:
    """The score by the stored labels. Raises `WorkflowError` that names every item without them."""
    problems: list[str] = []
    by_tool: dict[str, list[ArmReply]] = {}
    for tool, items in read_by_tool(path).items():
        by_tool[tool] = []
        for number, item in enumerate(items):
            try:
                by_tool[tool].append(_parse_reply(tool, item, str(path)))
            except ValueError as error:
                problems.append(f"{tool} #{number}: {error}")
    if problems:
        raise problems_error(path, problems, "every reply needs its labels (0 or 1)")
    return ScoreSheet({tool: tuple(own) for tool, own in by_tool.items()}, source=str(path), gold=str(path))


def _parse_reply(tool: str, item: Json, arm: str) -> ArmReply:
    case = parse_case(tool, item)
    no_call, err = _parse_truth(item, "no_call"), _parse_truth(item, "err")
    match = None if no_call or err else _parse_truth(item, "api_match")
    return ArmReply(
        arm=arm,
        query=case.query,
        gold=case.gold,
        output=item[OUTPUT] if isinstance(item.get(OUTPUT), str) else None,
        no_call=no_call,
        err=err,
        api_match=match,
        args_correct=_parse_truth(item, "args_correct") if match else None,
        rules=OWN_RULES,
    )


def _parse_truth(item: dict[str, Json], name: str) -> bool:
    stored = item.get(name)
    if not isinstance(stored, str | int) or stored not in TRUTHS:
        raise ValueError(f"`{name}` is {stored!r}, expected 0 or 1" if name in item else f"has no label `{name}`")
    return TRUTHS[stored]
