"""The check of `parallel`: passes of a loop that run side by side have nothing that goes from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Each, Map, NodeBlock, Parallel, RecordBlock, Repeat, When, walk
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.sections.scope import Position, list_positions, loops_inside
from ste_graph.language.source.findings import Findings
from ste_graph.language.workflow import FromNode, MemorySpec, NodeSpec, SubWorkflowSpec


@dataclass(frozen=True, slots=True)
class ParallelChecker:
    """Checks the loops of one unit. `lives` has the lifetime of every node's output, also of those that are off."""

    body: Sequence[Block]
    nodes: Mapping[str, NodeSpec]
    memories: Mapping[str, MemorySpec]
    sub_workflows: Mapping[str, SubWorkflowSpec]
    lives: Mapping[str, str]
    findings: Findings

    def check(self, *, has_reset: bool, limits_calls: bool) -> None:
        """Report each loop whose passes cannot run side by side."""
        for block, _ in walk(self.body):
            if not isinstance(block, Repeat | Map) or block.parallel is None:
                continue
            name, place = block.name, block.parallel.span
            if has_reset:
                why = "`reset` brings the tools to a known state, which one pass would undo for another"
                self._report(name, place, why, "no `parallel`, or no `reset`")
            if limits_calls:
                why = "`limits.calls` counts the calls of a whole unit in their order"
                self._report(name, place, why, "no `parallel`, or no `limits.calls`")
            inside = loops_inside(self.body)[name]
            self._check_transcripts(block, block.parallel, inside)
            self._check_outputs(block, block.parallel, inside)
            if isinstance(block, Map):
                self._check_memories(block, block.parallel, inside)

    def _check_transcripts(self, block: Repeat | Map, parallel: Parallel, inside: set[str]) -> None:
        for node in _nodes_in(block):
            memory = self.memories.get(self.nodes[node].transcript or "") if node in self.nodes else None
            if memory is not None and memory.lives not in inside:
                why = f"`{node}` goes on with the transcript `{memory.name}`, which lives in `{memory.lives}`"
                expected = f"`lives: {block.name}` at `{memory.name}`, or no `parallel`"
                self._report(block.name, parallel.span, why, expected, related=(memory.span, memory.name))

    def _check_outputs(self, block: Repeat | Map, parallel: Parallel, inside: set[str]) -> None:
        """Report what is remembered from pass to pass and read where the same pass has perhaps not given it."""
        outliving = {node for node in _nodes_in(block) if self.lives.get(node, block.name) not in inside}
        gathering = _gathering_outside(self.body, block.name)
        if not outliving and not gathering:
            return
        forgetful = {**self.lives, **dict.fromkeys(outliving.union(*gathering.values()), block.name)}
        reported: set[tuple[str, str]] = set()
        for position in list_positions(self.body, forgetful):
            if block.name not in position.loops:
                continue
            for reader, read in self._reads(position):
                if read in outliving and read not in position.available and (reader, read) not in reported:
                    reported.add((reader, read))
                    why = (
                        f"{reader} reads `{read}`, which lives in `{self.lives[read]}`: perhaps what another pass gave"
                    )
                    self._report(block.name, parallel.span, why, f"`lives: {block.name}` at `{read}`, or no `parallel`")
            if isinstance(position.block, NodeBlock):
                for first in gathering.get(position.block.node, ()):
                    if first not in position.available:
                        joining = position.block.node
                        why = f"`{joining}` joins an output of `{first}` that it did not give in the same pass"
                        expected = f"the `record` with `each: [{first}, …]` inside the loop, or no `parallel`"
                        self._report(block.name, parallel.span, why, expected)

    def _check_memories(self, block: Map, parallel: Parallel, inside: set[str]) -> None:
        """Report a memory that passes of a `map` fill and read; those of a `repeat` read what was there before."""
        made = {inner.record for inner, _ in walk(block.do) if isinstance(inner, RecordBlock)}
        for node in filter(self.nodes.__contains__, _nodes_in(block)):
            spec = self.nodes[node]
            for name in dict.fromkeys([*spec.memories, *filter(None, spec.recalls.values())]):
                memory = self.memories.get(name)
                if memory is not None and memory.of in made and memory.lives not in inside:
                    why = f"`{node}` reads `{name}`, into which each pass puts a `{memory.of}`"
                    expected = f"`lives: {block.name}` at `{name}`, or no `parallel`"
                    self._report(block.name, parallel.span, why, expected, related=(memory.span, name))

    def _report(
        self, loop: str, place: Span, why: str, expected: str, *, related: tuple[Span, str] | None = None
    ) -> None:
        message = f"the passes of `{loop}` cannot run side by side: {why}"
        notes = () if related is None else ((related[0], f"`{related[1]}` is defined here"),)
        self.findings.error("E235", message, place, expected=expected, related=notes)

    def _reads(self, position: Position) -> Iterator[tuple[str, str]]:
        """The reads at a position, before anything runs there: each reader with the node that it reads."""
        match position.block:
            case NodeBlock(node=node):
                for read in self._reads_of(node):
                    yield f"`{node}`", read
            case When(condition=condition):
                yield from (("`when`", read) for read in _roots(condition))
            case Repeat(condition=condition, test=test) if condition is not None:
                yield from ((f"`{test}`", read) for read in _roots(condition))
            case Map(over=over):
                yield from (("`over`", read) for read in _roots(over))
            case RecordBlock(record=record, values=values):
                for value in values.values():
                    if not isinstance(value, Each):
                        yield from ((f"`record: {record}`", read) for read in _roots(value))

    def _reads_of(self, node: str) -> Iterator[str]:
        if node in self.sub_workflows:
            for values in self.sub_workflows[node].deferred.values():
                for expression, _ in values:
                    yield from _roots(expression)
        spec = self.nodes.get(node)
        if spec is None:
            return
        yield from (source.node for source in spec.inputs.values() if isinstance(source, FromNode))
        for prompt in spec.prompts.values():
            yield from prompt.roots
        for name in spec.memories:
            like = self.memories[name].like if name in self.memories else None
            yield from _roots(like) if like is not None else ()


def _nodes_in(block: Repeat | Map) -> list[str]:
    """The nodes in a loop, each once, in reading order."""
    return list(dict.fromkeys(inner.node for inner, _ in walk(block.do) if isinstance(inner, NodeBlock)))


def _gathering_outside(body: Sequence[Block], loop: str) -> dict[str, set[str]]:
    """Per node: the nodes whose outputs it joins in a `record` outside a loop."""
    found: dict[str, set[str]] = {}
    for block, around in walk(body):
        if isinstance(block, RecordBlock) and loop not in around:
            for value in block.values.values():
                if isinstance(value, Each) and value.second is not None:
                    found.setdefault(value.second, set()).add(value.first)
    return found


def _roots(expression: Expression) -> set[str]:
    return {name.split(".")[0] for name in expression.names}
