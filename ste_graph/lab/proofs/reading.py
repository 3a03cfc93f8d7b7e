"""The readers of the outputs of a node: prompts, records, or the parts that decide how the graph goes on."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from ste_graph.language.blocks import Each, Map, RecordBlock, Repeat, When, walk
from ste_graph.language.expressions.expression import Expression
from ste_graph.language.workflow import FromNode, NodeSpec, Workflow


@dataclass(frozen=True, slots=True)
class Readers:
    """The kinds of readers that the outputs of a node have: prompts, records, and anything else."""

    prompts: bool
    records: bool
    control: bool
    """By a loop, a condition, a memory's `like`, a sub-workflow, or the inputs of another node."""


def names_read(workflow: Workflow, node: str) -> Readers:
    """The readers of the outputs of a node."""
    prompts = [prompt for spec in workflow.nodes.values() for prompt in spec.prompts.values()]
    inputs = [
        source.node
        for spec in workflow.nodes.values()
        if spec.name != node
        for source in spec.inputs.values()
        if isinstance(source, FromNode)
    ]
    return Readers(
        prompts=any(node in prompt.roots for prompt in prompts),
        records=node in _roots_in_records(workflow),
        control=node in inputs or any(_reads(each, node) for each in _control(workflow)),
    )


def reads_memory(node: NodeSpec, memory: str) -> bool:
    """True if the code of a node's class mentions a field that has the memory; it may do so on some ways only."""
    fields = {field for field, name in node.recalls.items() if name == memory}
    codes = [function.__code__ for _, function in inspect.getmembers(node.cls, inspect.isfunction)]
    while codes:
        code = codes.pop()
        if fields & {*code.co_names}:
            return True
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return False


def _control(workflow: Workflow) -> Iterator[Expression]:
    for block, _ in walk(workflow.blocks):
        match block:
            case Repeat(condition=condition) if condition is not None:
                yield condition
            case Map(over=over):
                yield over
            case When(condition=condition):
                yield condition
    yield from (memory.like for memory in workflow.memories.values() if memory.like is not None)
    for sub in workflow.sub_workflows.values():
        yield from (expression for values in sub.deferred.values() for expression, _ in values)


def _roots_in_records(workflow: Workflow) -> set[str]:
    found: set[str] = set()
    for block, _ in walk(workflow.blocks):
        if isinstance(block, RecordBlock):
            for value in block.values.values():
                if isinstance(value, Each):
                    found |= {value.first, *([value.second] if value.second else [])}
                else:
                    found |= {name.split(".")[0] for name in value.names}
    return found


def _reads(expression: Expression, node: str) -> bool:
    return any(name.split(".")[0] == node for name in expression.names)
