"""The check of a tree's shape: pydantic decides; its errors become diagnostics with a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ste_graph.diagnostics import Span
from ste_graph.language.sections.schema import (
    BLOCKS,
    REQUIRED,
    CassetteShape,
    EachShape,
    FromEnvironment,
    ResetShape,
    WorkflowShape,
)
from ste_graph.language.sections.setting_values import ENVIRONMENT, environment_variable
from ste_graph.language.sections.unions import merge_union_errors, rephrase
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tool_files import suggest_source
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, SequenceNode, Step, Tree
from ste_graph.models.meter import Budget
from ste_graph.suggest import closest
from ste_graph.tools.limits import ToolLimits

VERSION: Final = 2
"""The version of the language that this program reads."""

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
_MISSING: Final = {"dsl": f"`dsl: {VERSION}`, the version of the language", "name": "a short name for the workflow"}
_EXAMPLES: Final = {"as": "`as: {field: expression}`", "do": "`do: [blocks]`", "over": "`over: tools`, or another list"}
_USES: Final = {
    "models": "`use: KIND`, or `like: NAME` for a copy of another model",
    "tools": "`use: python`, `use: mcp`, `use: openapi` or another source",
}
_BLOCK_LISTS: Final = ("graph", "do", "else")


@dataclass(frozen=True, slots=True)
class CheckedShape:
    """The part of a tree that has the right shape, without the sections and entries that have not.

    The graph stays even if a block of it is wrong (`whole_graph` is False then): its reader passes over that block.
    """

    tree: MappingNode
    faulty: frozenset[tuple[str, str]]
    """Section and name of each entry that was left out."""
    whole_graph: bool


def check_version(tree: MappingNode, findings: Findings) -> bool:
    """Report a file for another version of the language; False for such a file, whose other words may differ too."""
    version = tree.at(["dsl"])
    if not isinstance(version, ScalarNode) or type(version.value) is not int or version.value == VERSION:
        return True
    message = f"this file is for version {version.value} of the language, and this program reads version {VERSION}"
    findings.error("E203", message, version.span, help="docs/language.md lists the words that changed")
    return False


def check_shape(tree: MappingNode, faulty_models: Iterable[str], findings: Findings) -> CheckedShape:
    """Report each part of a tree that does not have the shape of a workflow file; `faulty_models` are left out."""
    sound: dict[str, MappingEntry] = {}
    faulty = {("models", name) for name in faulty_models}
    for name in faulty_models:
        tree = tree.without(["models", name])
    legal = keys_of(WorkflowShape)
    whole_graph = "graph" in tree.entries
    for name in REQUIRED:
        if name not in tree.entries:
            findings.error("E202", f"missing key `{name}`", tree.span, expected=_MISSING.get(name, "the blocks to run"))
    for name, entry in tree.entries.items():
        if name not in legal:
            report_unknown_key(name, entry.key_span, legal, "a workflow", findings)
            continue
        errors: list[list[Step]] = []  # the paths of all errors in the section
        try:
            _adapter(name).validate_python(entry.value.to_plain(), strict=True)
        except ValidationError as error:
            errors = [
                report_shape_error(detail, entry.value, findings, section=name)
                for detail in list_errors(error, entry.value)
            ]
        whole_graph = whole_graph and not (errors and name == "graph")
        if not errors or name == "graph":
            sound[name] = entry
        elif isinstance(entry.value, MappingNode | SequenceNode) and all(errors) and name not in _SECTIONS:
            tops = {path[0] for path in errors}
            faulty |= {(name, str(top)) for top in tops}
            sound[name] = MappingEntry(entry.key_span, _without_items(entry.value, tops))
    return CheckedShape(MappingNode(sound, tree.span), frozenset(faulty), whole_graph)


def _without_items(tree: MappingNode | SequenceNode, tops: set[Step]) -> Tree:
    if isinstance(tree, MappingNode):
        return MappingNode({key: entry for key, entry in tree.entries.items() if key not in tops}, tree.span)
    return SequenceNode(tuple(item for index, item in enumerate(tree.items) if index not in tops), tree.span)


@cache
def _adapter(section: str) -> TypeAdapter[Any]:
    field = WorkflowShape.model_fields[section]
    annotation: Any = field.annotation
    for part in field.metadata:
        annotation = Annotated[annotation, part]
    return TypeAdapter(annotation)


def list_errors(error: ValidationError, tree: Tree) -> list[ErrorDetails]:
    """Pydantic's errors about a tree, one for each place."""
    return merge_union_errors(error.errors(include_url=False), tree)


def report_shape_error(
    detail: ErrorDetails, tree: Tree, findings: Findings, *, section: str, keys: Iterable[str] | None = None
) -> list[Step]:
    """Add one pydantic error as a diagnostic, and return its path in `tree`.

    `keys` are the legal keys at the top of `tree`, if these are not the section's.
    """
    location = [part for part in detail["loc"] if part != "[key]"]
    path = _tree_path(tree, location)
    span = tree.span_of(path, key=detail["type"] in ("extra_forbidden", "mistyped_key") or "[key]" in detail["loc"])
    tags = [str(part) for part in location if part in _TAGGED]
    owner = {"<each>": "as"}.get(tags[-1], tags[-1].strip("<>")) if tags else section
    last = str(location[-1]) if location else section
    match detail["type"]:
        case "extra_forbidden":
            shape = _TAGGED[tags[-1]] if tags else _SECTIONS.get(section)
            own = keys if keys is not None and len(path) == 1 else keys_of(shape) if shape else ()
            holder = next((str(step) for step in path[-2::-1] if isinstance(step, str)), owner) if not own else owner
            report_unknown_key(last, span, own, f"`{holder}`", findings)
        case "mistyped_key":
            holder = next((str(step) for step in path[-2::-1] if isinstance(step, str)), owner)
            findings.error("E201", f"unknown key `{last}` in `{holder}`", span, **detail["ctx"])
        case "missing":
            expected = _USES.get(owner) if last == "use" else _EXAMPLES.get(last)
            findings.error("E202", f"missing key `{last}` in `{owner}`", span, expected=expected)
        case "block":
            findings.error("E203", "this is not a block", span, expected=detail["msg"])
        case "string_pattern_mismatch":
            rule = "a letter first, then letters, digits and _"
            has_spaces = section == "graph" and any(map(str.isspace, str(detail["input"])))
            help = "if these are several items, write each on its own line after `- `" if has_spaces else None
            findings.error("E203", f"`{detail['input']}` is not a name", span, expected=rule, help=help)
        case _ if (variable := environment_variable(tree.at(path))) is not None:
            message = f"the environment variable `{variable}` {rephrase(detail['msg'])}"
            findings.error("E504", message, Span(f"{ENVIRONMENT} {variable}", 1, 1, 1))
        case _:
            steps = [str(part) for part in path if isinstance(part, str)]
            name = f"`{steps[-1]}`" if steps else f"`{section}`"
            if path and isinstance(path[-1], int):
                name = f"item {path[-1] + 1} of {name}"
            inside = f" in `{owner}`" if steps else ""
            expected, help = _advice(steps[-1] if steps else section, path, tree.at(path), detail["type"])
            findings.error("E203", f"{name}{inside} {rephrase(detail['msg'])}", span, expected=expected, help=help)
    return path


def _advice(key: str, path: list[Step], value: Tree | None, kind: str) -> tuple[str | None, str | None]:
    """The `expected` and `help` for a value of the wrong kind under `key`."""
    if kind == "list_type" and key in _BLOCK_LISTS:
        return "a list of blocks, each on its own line after `- `", None
    if key == "command" and isinstance(value, SequenceNode):
        program, *rest = map(str, value.to_plain() or [""])
        return None, f"write `command: {program}, args: [{', '.join(rest)}]`"
    if key == "tools" and (path or kind == "list_type"):
        text = value.value if isinstance(value, ScalarNode) and isinstance(value.value, str) else ""
        source = suggest_source(text)
        if kind == "list_type":
            return "a list of sources: `tools: [{use: …}]`", source and f"write {source}, in brackets"
        return None if source else "`{use: python, module: …}`, or another source", source and f"write {source}"
    return None, None


def report_unknown_key(key: str, span: Span, legal: Iterable[str], owner: str, findings: Findings) -> None:
    """Add the error for a key that has no meaning where it is."""
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


def _tree_path(tree: Tree, location: list[Step]) -> list[Step]:
    """A pydantic location as a path in the tree, without the union tags, which are not in the file."""
    path: list[Step] = []
    for part in location:
        if tree.at([*path, part]) is not None:
            path.append(part)
    return path
