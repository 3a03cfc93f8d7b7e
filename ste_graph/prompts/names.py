"""Dotted names in a template."""

from __future__ import annotations

import re
from typing import Final

from jinja2 import nodes

from ste_graph.prompts.template import Mark

_JOINT: Final = re.compile(r"\s*(?:\.|\[\s*[\"'])\s*")
"""The separator of two parts of a dotted name."""


def dotted_name(node: nodes.Node) -> tuple[str | None, list[nodes.Node]]:
    """`tool.name` for a name with attributes, and the other expressions inside it, such as indices."""
    match node:
        case nodes.Name(name=name):
            return name, []
        case nodes.Getattr(node=inner, attr=key) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as key)):
            base, rest = dotted_name(inner)
            return (f"{base}.{key}" if base and not rest else base), rest
        case nodes.Getitem(node=inner, arg=argument):
            base, rest = dotted_name(inner)
            return base, [*rest, argument]
    return None, [node]


def private_part(node: nodes.Node) -> str | None:
    """The part of a dotted name that starts with `_`; None for a name without one."""
    while isinstance(node, nodes.Getattr):
        if node.attr.startswith("_"):
            return node.attr
        node = node.node
    return node.name if isinstance(node, nodes.Name) and node.name.startswith("_") else None


def find_name(node: nodes.Expr, parts: list[str], code: str) -> tuple[int, int, int]:
    """Line and column from 1, and length, of a dotted name in a template, or of its first part if it is broken up."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        node = node.node
    start = node.lineno.offset if isinstance(node.lineno, Mark) else 0
    column = start - code.rfind("\n", 0, start)
    end = start + len(parts[0])
    for part in parts[1:]:
        joint = _JOINT.match(code, end)
        if joint is None or not code.startswith(part, joint.end()):
            return int(node.lineno), column, len(parts[0])
        end = joint.end() + len(part)
    return int(node.lineno), column, end - start
