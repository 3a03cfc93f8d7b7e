"""The meaning of a workflow's blocks, stated a second time: plain recursion over the tree, without a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ste_graph.language.blocks import Block, Each, Map, NodeBlock, RecordBlock, Repeat, When, walk
from ste_graph.language.workflow import Workflow

Script = Callable[[str, int], Mapping[str, Any]]
"""The outputs of a node in its n-th run of the unit."""


@dataclass
class Interpreter:
    workflow: Workflow
    script: Script
    item: Any = None
    trace: list[Any] = field(default_factory=list)
    passes: dict[str, int] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    talked: dict[str, list[str]] = field(default_factory=dict)
    """The content of each memory, messages or records."""
    gathered: dict[tuple[str, Each], list[list[Any]]] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)

    def run(self) -> list[Any]:
        self.sequence(self.workflow.blocks)
        self.trace.append(("done", self.view()))
        return self.trace

    def sequence(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            match block:
                case NodeBlock(node=node):
                    if node not in self.workflow.off:
                        self.node(node)
                case RecordBlock(key=key, record=record):
                    self.trace.append(("ran", f"record {key}", self.view()))
                    number = self.runs[key] = self.runs.get(key, 0) + 1
                    for name, memory in self.workflow.memories.items():
                        if memory.of == record:
                            self.talked[name] = [*self.talked.get(name, []), f"{key} {number}"]
                case When():
                    self.sequence(block.do if block.condition.evaluate(self.value) else block.otherwise)
                case Repeat():
                    self.repeat(block)
                case Map():
                    self.map(block)

    def repeat(self, block: Repeat) -> None:
        done = 0
        while True:
            if block.test == "while" and not block.condition.evaluate(self.value):
                why = "while"
                break
            if block.test == "until" and done and block.condition.evaluate(self.value):
                why = "until"
                break
            if done == block.bound:
                why = "times" if block.test == "times" else "at_most"
                break
            self.forget(block)
            self.passes[block.name] = done
            self.sequence(block.do)
            done += 1
        self.passes.pop(block.name, None)
        self.trace.append(("ended", block.name, done, why))

    def map(self, block: Map) -> None:
        items = block.over.evaluate(self.value)
        for n, item in enumerate(items[: block.bound]):
            self.forget(block)
            self.passes[block.name] = n
            self.items[block.name] = item
            self.sequence(block.do)
        self.passes.pop(block.name, None)
        self.items.pop(block.name, None)
        cut = len(items) > block.bound
        self.trace.append(("ended", block.name, min(len(items), block.bound), "at_most" if cut else "items"))

    def forget(self, loop: Repeat | Map) -> None:
        inner = {block.name for block, _ in walk(loop.do) if isinstance(block, Repeat | Map)} | {loop.name}
        for name, spec in self.workflow.nodes.items():
            if spec.lives in inner:
                self.given.pop(name, None)
        for name, memory in self.workflow.memories.items():
            if memory.lives in inner:
                self.talked.pop(name, None)
        for block, _ in walk(loop.do):
            if isinstance(block, RecordBlock):
                self.gathered = {at: entries for at, entries in self.gathered.items() if at[0] != block.key}

    def node(self, node: str) -> None:
        self.trace.append(("ran", node, self.view()))
        number = self.runs[node] = self.runs.get(node, 0) + 1
        given = dict(self.script(node, number))
        self.given[node] = given
        spec = self.workflow.nodes[node]
        if spec.transcript:
            self.talked[spec.transcript] = [*self.talked.get(spec.transcript, []), f"{node} {number}"]
        for key, each in self.eaches():
            entries = self.gathered.get((key, each), [])
            if node == each.first:
                self.gathered[key, each] = [*entries, [given, None]]
            if node == each.second and entries and entries[-1][1] is None:
                self.gathered[key, each] = [*entries[:-1], [entries[-1][0], given]]

    def eaches(self) -> list[tuple[str, Each]]:
        keeps = [block for block, _ in walk(self.workflow.blocks) if isinstance(block, RecordBlock)]
        return [(keep.key, each) for keep in keeps for each in keep.values.values() if isinstance(each, Each)]

    def value(self, name: str) -> Any:
        first, *rest = name.split(".")
        values = {"params": self.workflow.params, self.workflow.unit: self.item} | self.given | self.passes | self.items
        value = values.get(first)
        for key in rest:
            value = None if value is None else value[key]
        return value

    def view(self) -> dict[str, Any]:
        """Everything a node or a record could see now."""
        nodes = self.workflow.nodes
        seen: dict[str, Any] = {}
        for name, spec in nodes.items():
            seen |= {f"{name}.{key}": self.given.get(name, {}).get(key) for key in spec.outputs.model_fields}
        for block, _ in walk(self.workflow.blocks):
            if isinstance(block, Repeat | Map):
                seen[block.name] = self.passes.get(block.name)
                seen[f"item of {block.name}"] = self.items.get(block.name)
        seen |= {name: self.talked.get(name, []) for name in self.workflow.memories}
        for key, each in self.eaches():
            fields = list(nodes[each.second].outputs.model_fields) if each.second in nodes else []
            seen[f"{each.first}+{each.second}@{key}"] = [
                first | (second or dict.fromkeys(fields)) for first, second in self.gathered.get((key, each), [])
            ]
        return seen
