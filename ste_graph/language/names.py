"""Names and params of a workflow: what may not be called so, and what may not stand there."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly

from ste_graph.language.diagnostics import Span
from ste_graph.language.findings import Findings
from ste_graph.language.graph import ONE_NAME_SPACE
from ste_graph.language.schema import RESERVED
from ste_graph.language.tree import Mapping, Sequence, Tree
from ste_graph.language.values import is_environment


def check_names(nodes: ReadOnly[str, Span], memories: ReadOnly[str, Span], findings: Findings) -> None:
    """Nodes and memories share one name space, in which some names are reserved; the graph checks its loops."""
    for name, span in (*nodes.items(), *memories.items()):
        if name in RESERVED:
            findings.error("E221", f"`{name}` is reserved", span, expected="another name")
    for name in nodes.keys() & memories.keys():
        related = ((nodes[name], "it stands here already"),)
        said = f"the name `{name}` is taken"
        findings.error("E221", said, memories[name], expected=ONE_NAME_SPACE, related=related)


def check_params(tree: Tree | None, findings: Findings) -> None:
    """No environment variable may hide in `params`: its value would stand in the lock and in prompts."""
    match tree:
        case Mapping(entries=entries):
            if is_environment(tree):
                said = "an environment variable may not stand here"
                findings.error("E503", said, tree.span, expected="a plain value")
            for entry in entries.values():
                check_params(entry.value, findings)
        case Sequence(items=items):
            for item in items:
                check_params(item, findings)
