"""The most that one unit may cost, read off the tree of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ste_graph.language.blocks import Block, Map, NodeBlock, RecordBlock, Repeat, When
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Cost:
    """Maxima of one unit. `supersteps` counts the vertices run, records included."""

    model_calls: int = 0
    tool_calls: int = 0
    supersteps: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.model_calls + other.model_calls, self.tool_calls + other.tool_calls, self.supersteps + other.supersteps
        )

    def __mul__(self, passes: int) -> Cost:
        return Cost(self.model_calls * passes, self.tool_calls * passes, self.supersteps * passes)

    def __or__(self, other: Cost) -> Cost:
        """Each maximum on its own, since a limit must hold whichever branch is taken."""
        return Cost(
            max(self.model_calls, other.model_calls),
            max(self.tool_calls, other.tool_calls),
            max(self.supersteps, other.supersteps),
        )


def max_unit_cost(workflow: Workflow) -> Cost:
    """The most that one unit may cost by itself, without its sub-workflows."""
    return _max_cost(workflow.blocks, workflow)


def count_sub_workflow_runs(workflow: Workflow) -> dict[str, int]:
    """The most runs of each sub-workflow in one unit, by name."""
    return {name: _count_runs(workflow.blocks, name) for name in workflow.sub_workflows}


def _count_runs(blocks: Sequence[Block], node: str) -> int:
    found = 0
    for block in blocks:
        match block:
            case NodeBlock(node=name):
                found += name == node
            case Repeat(do=do, bound=bound) | Map(do=do, bound=bound):
                found += (bound or 0) * _count_runs(do, node)
            case When(do=do, otherwise=otherwise):
                found += max(_count_runs(do, node), _count_runs(otherwise, node))
    return found


def _max_cost(blocks: Sequence[Block], workflow: Workflow) -> Cost:
    return sum((_max_block_cost(block, workflow) for block in blocks), start=Cost())


def _max_block_cost(block: Block, workflow: Workflow) -> Cost:
    match block:
        case NodeBlock(node=node) if node in workflow.off:
            return Cost()
        case NodeBlock(node=node):
            spec = workflow.nodes[node]
            return Cost(spec.model_calls, spec.cls.tool_calls, 1)
        case RecordBlock():
            return Cost(supersteps=1)
        case When(do=do, otherwise=otherwise):
            return _max_cost(do, workflow) | _max_cost(otherwise, workflow)
        case Repeat(do=do, bound=passes):
            return _max_cost(do, workflow) * passes
        case Map(name=name, do=do, bound=bound):
            if bound is None:
                raise ValueError(f"{block.span}: map `{name}` stands inside a unit and has no bound")
            return _max_cost(do, workflow) * bound
