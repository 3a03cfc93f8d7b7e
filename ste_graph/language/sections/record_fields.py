"""`as: NODE`, written out: a field of the record for each output of the node that has the same name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ste_graph.diagnostics import Span
from ste_graph.language.sections.entries import find
from ste_graph.language.sections.nodes import output_type
from ste_graph.language.sections.resolution import ResolvedEntries, resolve_when_on
from ste_graph.language.sections.schema import IDENTIFIER
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, SequenceNode, Tree
from ste_graph.suggest import closest


class RecordFieldWriter:
    """Writes out every `as: NODE` in a graph; `base` is the tree before nodes were turned off."""

    def __init__(self, nodes: Collection[str], entries: ResolvedEntries, base: MappingNode, findings: Findings) -> None:
        self._nodes = nodes
        self._entries = entries
        self._base = base
        self._findings = findings
        self.has_dropped_block = False
        """True if a block was left out, since its `as` names no node; that was reported."""

    def write_out(self, tree: Tree) -> Tree:
        """A copy of a list of blocks in which `as` is a mapping everywhere."""
        if not isinstance(tree, SequenceNode):
            return tree
        blocks = [self._write_block(item) for item in tree.items]
        return SequenceNode(tuple(block for block in blocks if block is not None), tree.span)

    def _write_block(self, tree: Tree) -> Tree | None:
        if not isinstance(tree, MappingNode):
            return tree
        entries = {
            key: MappingEntry(entry.key_span, self.write_out(entry.value)) for key, entry in tree.entries.items()
        }
        record, node = tree.at(["record"]), tree.at(["as"])
        if isinstance(record, ScalarNode) and isinstance(node, ScalarNode) and isinstance(node.value, str):
            if node.value not in self._nodes:
                self._report(node.value, node.span)
                return None
            fields = self._fields(str(record.value), node.value, node.span)
            entries["as"] = MappingEntry(tree.entries["as"].key_span, fields)
        return MappingNode(entries, tree.span)

    def _report(self, name: str, span: Span) -> None:
        self.has_dropped_block = True
        if re.match(IDENTIFIER, name):  # anything else was reported as a wrong shape
            expected, near = one_of(self._nodes, "fields: `as: {field: expression}`"), closest(name, self._nodes)
            message = f"`as` names `{name}`, which is not a node"
            self._findings.error("E220", message, span, expected=expected, suggestion=near)

    def _fields(self, record: str, node: str, span: Span) -> MappingNode:
        fields, outputs = self._record_fields(record), self._outputs(node)
        if fields is None:
            names = list(outputs or ())
        else:
            names = [name for name in fields if outputs is None or name in outputs]
        return MappingNode({name: MappingEntry(span, ScalarNode(f"{node}.{name}", span)) for name in names}, span)

    def _record_fields(self, record: str) -> Sequence[str] | None:
        """The fields that `as` may have; None for an unknown type, which is reported elsewhere."""
        try:
            cls = find("records", record, self._entries.plugins)
        except Exception:  # an unknown type, or a package that cannot be imported
            return None
        return [name for name in cls.model_fields if name not in cls.derived]

    def _outputs(self, node: str) -> Collection[str] | None:
        """The outputs of a node, off or not; None if they are not known."""
        entry = self._entries.nodes.get(node)
        if node in self._entries.off:
            entry = resolve_when_on("nodes", node, self._base, self._entries)
        outputs = output_type(entry, Findings()) if entry else None
        return outputs.model_fields if outputs else None
