"""The check of names and params: reserved and duplicate names, environment variables in `params`."""

from __future__ import annotations

from collections.abc import Mapping

from ste_graph.diagnostics import Span
from ste_graph.language.sections.graph import ONE_NAME_SPACE
from ste_graph.language.sections.schema import RESERVED
from ste_graph.language.sections.setting_values import is_environment
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import MappingNode, SequenceNode, Tree


def check_names(nodes: Mapping[str, Span], memories: Mapping[str, Span], findings: Findings) -> None:
    """Report reserved names, and names of both a node and a memory; the reader of the graph checks those of loops."""
    for name, span in (*nodes.items(), *memories.items()):
        if name in RESERVED:
            findings.error("E221", f"`{name}` is a reserved name", span, expected="another name")
    for name in nodes.keys() & memories.keys():
        related = ((nodes[name], f"first `{name}` here"),)
        message = f"duplicate name `{name}`: {ONE_NAME_SPACE}"
        findings.error("E221", message, memories[name], expected="another name", related=related)


def check_params(tree: Tree | None, findings: Findings) -> None:
    """Report environment variables in `params`: their values would be in the lock and in prompts."""
    match tree:
        case MappingNode(entries=entries):
            if is_environment(tree):
                message = "an environment variable is not allowed here"
                findings.error("E503", message, tree.span, expected="a plain value")
            for entry in entries.values():
                check_params(entry.value, findings)
        case SequenceNode(items=items):
            for item in items:
                check_params(item, findings)
