"""Does the tree have the shape of a workflow file? Pydantic decides; its errors become diagnostics with a place."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ste_graph.language.diagnostics import Span, closest
from ste_graph.language.findings import Findings
from ste_graph.language.schema import BLOCKS, REQUIRED, Budget, EachShape, Limits, WorkflowShape
from ste_graph.language.tree import Mapping, Tree

SHAPES: dict[str, type[BaseModel]] = {f"<{k}>": v for k, v in BLOCKS.items()} | {"<each>": EachShape}
SECTION_SHAPES: dict[str, type[BaseModel]] = {"budget": Budget, "limits": Limits}


def check_shape(tree: Mapping, findings: Findings) -> set[str]:
    """The sections that have the right shape; everything else is reported."""
    keys = {field.alias or name: field for name, field in WorkflowShape.model_fields.items()}
    for name, entry in tree.entries.items():
        if name not in keys:
            report_unknown_key(name, entry.key_span, sorted(keys), "a workflow", findings)
    for name in REQUIRED:
        if name not in tree.entries:
            findings.error("E202", f"`{name}` is missing", tree.span, expected=_what_missing_means(name))
    return {
        name
        for name, entry in tree.entries.items()
        if name in keys and well_shaped(_adapter(name), entry.value, findings, within=name)
    }


def _what_missing_means(name: str) -> str:
    return {"dsl": "`dsl: 1`, the version of the language", "name": "a short name for the workflow"}.get(
        name, "the blocks to run"
    )


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = WorkflowShape.model_fields[name]
    annotation: Any = field.annotation
    for part in field.metadata:
        annotation = _annotated(annotation, part)
    return TypeAdapter(annotation)


def _annotated(annotation: Any, part: Any) -> Any:
    from typing import Annotated

    return Annotated[annotation, part]


def well_shaped(adapter: TypeAdapter[Any], tree: Tree, findings: Findings, *, within: str) -> bool:
    """Whether pydantic takes the value; if not, each of its errors is reported at its place."""
    try:
        adapter.validate_python(tree.plain())
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            report(detail, tree, findings, within=within)
        return False
    return True


def report(
    detail: ErrorDetails, tree: Tree, findings: Findings, *, within: str, keys: Seq[str] | None = None
) -> None:
    """One pydantic error as a diagnostic. `keys`: the keys that are legal at the top of `tree`."""
    loc = [part for part in detail["loc"] if part != "[key]"]
    path, span = _place(tree, loc, key=detail["type"] in ("extra_forbidden",) or "[key]" in detail["loc"])
    last = str(loc[-1]) if loc else within
    tags = [part for part in loc if part in SHAPES]
    match detail["type"]:
        case "extra_forbidden":
            shape = SHAPES[str(tags[-1])] if tags else SECTION_SHAPES.get(within)
            legal = keys if keys is not None and len(path) == 1 else _keys(shape)
            owner = str(tags[-1]).strip("<>") if tags else within
            report_unknown_key(last, span, sorted(legal), f"`{owner}`", findings)
        case "missing":
            owner = str(tags[-1]).strip("<>") if tags else within
            findings.error("E202", f"`{last}` is missing in `{owner}`", span)
        case "literal_error" if within == "dsl":
            found = detail["input"]
            findings.error("E203", f"this file is for version {found!r} of the language, this program knows 1", span, expected="`dsl: 1`")
        case "string_pattern_mismatch":
            findings.error("E203", f"`{detail['input']}` is not a name", span, expected="a letter first, then letters, digits and _")
        case _:
            name = f"`{within}`" if last == within or not path else f"`{'.'.join(map(str, path))}` in `{within}`"
            findings.error("E203", f"{name}: {_lower(detail['msg'])}", span)


def report_unknown_key(key: str, span: Span, legal: Seq[str], owner: str, findings: Findings) -> None:
    """A key that has no meaning where it stands."""
    findings.error(
        "E201",
        f"unknown key `{key}` in {owner}",
        span,
        expected=f"one of: {', '.join(legal)}" if legal else None,
        suggestion=closest(key, legal),
    )


def _keys(shape: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in shape.model_fields.items()] if shape else []


def _place(tree: Tree, loc: Seq[str | int], *, key: bool) -> tuple[list[str | int], Span]:
    """Follow a pydantic location through the tree, leaving out the union tags that are no part of the file."""
    path: list[str | int] = []
    for part in loc:
        if tree.at([*path, part]) is not None:
            path.append(part)
    return path, tree.span_of(path, key=key)


def _lower(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ").strip()
    return text[:1].lower() + text[1:]
