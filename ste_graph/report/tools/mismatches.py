"""Arguments that replies to a test got wrong, although they called the right tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from ste_graph.contracts import Frozen, Json
from ste_graph.grouping import group
from ste_graph.report.tools.calls import sorted_json
from ste_graph.report.tools.failures import SHOWN
from ste_graph.scoring.reply import CaseReply
from ste_graph.scoring.rules import same_text


class WrongArgument(Frozen):
    """One reply that got an argument wrong. Values are JSON; None: left out."""

    query: str
    wanted: str | None
    given: str | None


class ArgumentMismatch(Frozen):
    """A parameter that replies got wrong in one way."""

    tool: str
    parameter: str
    how: Literal["another value", "left out", "the schema's example"]
    count: int
    replies: int
    """The number of replies that called the tool and should have."""
    examples: tuple[WrongArgument, ...]


def list_mismatches(replies: Sequence[CaseReply], schemas: Mapping[str, Mapping[str, Json]]) -> list[ArgumentMismatch]:
    """The parameters that replies to the right tool got wrong, the most frequent first.

    What is left out is not wrong where the schema's default is what was wanted.
    """
    called = [reply for reply in replies if reply.api_match]
    groups = group(
        ((reply.gold.tool, name, how), wrong)
        for reply in called
        if reply.args_correct is False
        for name, how, wrong in _differences(reply, (schemas.get(reply.gold.tool) or {}).get("properties") or {})
    )
    found = [
        ArgumentMismatch.model_validate(
            {
                "tool": tool,
                "parameter": name,
                "how": how,
                "count": len(examples),
                "replies": sum(reply.gold.tool == tool for reply in called),
                "examples": tuple(dict.fromkeys(examples))[:SHOWN],
            }
        )
        for (tool, name, how), examples in groups.items()
    ]
    return sorted(found, key=lambda entry: (-entry.count, entry.tool, entry.parameter))


def _differences(reply: CaseReply, parts: Mapping[str, Json]) -> Iterator[tuple[str, str, WrongArgument]]:
    given = reply.arguments or {}
    for name, wanted in reply.gold.arguments.items():
        stated = parts.get(name)
        part: Mapping[str, Json] = stated if isinstance(stated, Mapping) else {}
        if name not in given:
            if "default" not in part or part["default"] != wanted:
                yield name, "left out", WrongArgument(query=reply.query, wanted=sorted_json(wanted), given=None)
        elif not same_text({name: wanted}, given):
            copied = given[name] in (part.get("examples") or ())
            how = "the schema's example" if copied else "another value"
            wrong = WrongArgument(query=reply.query, wanted=sorted_json(wanted), given=sorted_json(given[name]))
            yield name, how, wrong
