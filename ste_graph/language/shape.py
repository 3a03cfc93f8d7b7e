"""Does the tree have the shape of a workflow file? Pydantic decides; its errors become diagnostics with a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ste_graph.language.diagnostics import Span
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.schema import (
    BLOCKS,
    REQUIRED,
    CassetteShape,
    EachShape,
    FromEnvironment,
    ResetShape,
    WorkflowShape,
)
from ste_graph.language.tree import Entry, Mapping, Sequence, Step, Tree
from ste_graph.language.unions import one_per_value, sentence
from ste_graph.models.meter import Budget
from ste_graph.suggest import closest
from ste_graph.tools.limits import ToolLimits

_TAGGED: Final[dict[str, type[BaseModel]]] = {
    "<each>": EachShape,
    **{f"<{kind}>": shape for kind, shape in BLOCKS.items()},
}
_SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "budget": Budget,
    "limits": ToolLimits,
    "redact": FromEnvironment,
    "cassette": CassetteShape,
    "reset": ResetShape,
}
_MISSING: Final = {"dsl": "`dsl: 1`, the version of the language", "name": "a short name for the workflow"}
_EXAMPLES: Final = {"as": "`as: {field: expression}`", "do": "`do: [blocks]`", "over": "`over: tools`, or another list"}


@dataclass(frozen=True, slots=True)
class Shaped:
    """What of a tree has the right shape, with sections and entries that do not left out.

    The graph stays even where a block of it is wrong (`whole_graph` is False then): its reader passes over that.
    """

    tree: Mapping
    faulty: frozenset[tuple[str, str]]
    """Section and name of each entry that was left out."""
    whole_graph: bool


def check_shape(tree: Mapping, findings: Findings) -> Shaped:
    """Report whatever does not have the shape of a workflow file."""
    sound: dict[str, Entry] = {}
    faulty: set[tuple[str, str]] = set()
    legal = keys_of(WorkflowShape)
    whole_graph = "graph" in tree.entries
    for name in REQUIRED:
        if name not in tree.entries:
            findings.error("E202", f"`{name}` is missing", tree.span, expected=_MISSING.get(name, "the blocks to run"))
    for name, entry in tree.entries.items():
        if name not in legal:
            report_unknown_key(name, entry.key_span, legal, "a workflow", findings)
            continue
        wrong = _misshaped(name, entry.value, findings)
        whole_graph = whole_graph and not (wrong and name == "graph")
        if not wrong or name == "graph":
            sound[name] = entry
        elif isinstance(entry.value, Mapping | Sequence) and all(wrong) and name not in _SECTIONS:
            tops = {path[0] for path in wrong}
            faulty |= {(name, str(top)) for top in tops}
            sound[name] = Entry(entry.key_span, _less(entry.value, tops))
    return Shaped(Mapping(sound, tree.span), frozenset(faulty), whole_graph)


def _misshaped(section: str, tree: Tree, findings: Findings) -> list[list[Step]]:
    """The paths of all errors in a section."""
    try:
        _adapter(section).validate_python(tree.plain(), strict=True)
    except ValidationError as error:
        return [report(detail, tree, findings, within=section) for detail in errors_of(error, tree)]
    return []


def _less(tree: Mapping | Sequence, tops: set[Step]) -> Tree:
    if isinstance(tree, Mapping):
        return Mapping({key: entry for key, entry in tree.entries.items() if key not in tops}, tree.span)
    return Sequence(tuple(item for index, item in enumerate(tree.items) if index not in tops), tree.span)


@cache
def _adapter(section: str) -> TypeAdapter[Any]:
    field = WorkflowShape.model_fields[section]
    annotation: Any = field.annotation
    for part in field.metadata:
        annotation = Annotated[annotation, part]
    return TypeAdapter(annotation)


def errors_of(error: ValidationError, tree: Tree) -> list[ErrorDetails]:
    """What pydantic found wrong with a tree, one error for each place."""
    return one_per_value(error.errors(include_url=False), tree)


def report(
    detail: ErrorDetails, tree: Tree, findings: Findings, *, within: str, keys: Iterable[str] | None = None
) -> list[Step]:
    """One pydantic error as a diagnostic; gives the path in `tree` that it is about.

    `keys` are the legal keys at the top of `tree`, where these are not the section's.
    """
    location = [part for part in detail["loc"] if part != "[key]"]
    path = _in_tree(tree, location)
    span = tree.span_of(path, key=detail["type"] == "extra_forbidden" or "[key]" in detail["loc"])
    tags = [str(part) for part in location if part in _TAGGED]
    owner = {"<each>": "as"}.get(tags[-1], tags[-1].strip("<>")) if tags else within
    last = str(location[-1]) if location else within
    match detail["type"]:
        case "extra_forbidden":
            shape = _TAGGED[tags[-1]] if tags else _SECTIONS.get(within)
            own = keys if keys is not None and len(path) == 1 else keys_of(shape) if shape else ()
            holder = next((str(step) for step in path[-2::-1] if isinstance(step, str)), owner) if not own else owner
            report_unknown_key(last, span, own, f"`{holder}`", findings)
        case "missing":
            findings.error("E202", f"`{last}` is missing in `{owner}`", span, expected=_EXAMPLES.get(last))
        case "literal_error" if within == "dsl":
            said = f"this file is for version {detail['input']!r} of the language, this program knows 1"
            findings.error("E203", said, span, expected="`dsl: 1`")
        case "block":
            findings.error("E203", "this is no block", span, expected=detail["msg"])
        case "string_pattern_mismatch":
            said = "a letter first, then letters, digits and _"
            findings.error("E203", f"`{detail['input']}` is not a name", span, expected=said)
        case _:
            keys = [str(part) for part in path if isinstance(part, str)]
            named = keys[-1] if keys else within
            inside = f" in `{owner}`" if keys else ""
            findings.error("E203", f"`{named}`{inside} {sentence(detail['msg'])}", span)
    return path


def report_unknown_key(key: str, span: Span, legal: Iterable[str], owner: str, findings: Findings) -> None:
    """A key that has no meaning where it stands."""
    findings.error(
        "E201",
        f"unknown key `{key}` in {owner}",
        span,
        expected=one_of(legal, "") or None,
        suggestion=closest(key, legal),
    )


def keys_of(shape: type[BaseModel]) -> list[str]:
    """The keys of a shape as YAML writes them, sorted."""
    return sorted(field.alias or name for name, field in shape.model_fields.items())


def _in_tree(tree: Tree, location: list[Step]) -> list[Step]:
    """Follow a pydantic location through the tree, leaving out the union tags that are no part of the file."""
    path: list[Step] = []
    for part in location:
        if tree.at([*path, part]) is not None:
            path.append(part)
    return path
