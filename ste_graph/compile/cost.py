"""The most that one unit may cost, read off the tree of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ste_graph.language.blocks import Block, Map, NodeBlock, RecordBlock, Repeat, When
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Cost:
    """Maxima of one unit. `supersteps` counts the vertices run, records included."""

    model_calls: int = 0
    tool_calls: int = 0
    supersteps: int = 0
    chain: int = 0
    """The model calls of which each waits for the one before it: they take that long however much runs side by side."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.model_calls + other.model_calls,
            self.tool_calls + other.tool_calls,
            self.supersteps + other.supersteps,
            self.chain + other.chain,
        )

    def __mul__(self, passes: int) -> Cost:
        """The cost of so many passes one after another."""
        return Cost(self.model_calls * passes, self.tool_calls * passes, self.supersteps * passes, self.chain * passes)

    def __or__(self, other: Cost) -> Cost:
        """Each maximum on its own, since a limit must hold whichever branch is taken."""
        return Cost(
            max(self.model_calls, other.model_calls),
            max(self.tool_calls, other.tool_calls),
            max(self.supersteps, other.supersteps),
            max(self.chain, other.chain),
        )

    def side_by_side(self, passes: int, width: int | None = None) -> Cost:
        """The cost of so many passes, up to `width` of them at once (None: all), one superstep more for all of them."""
        rows = math.ceil(passes / width) if width else min(passes, 1)
        return replace(self * passes, supersteps=self.supersteps * passes + 1, chain=self.chain * rows)


def max_unit_cost(workflow: Workflow) -> Cost:
    """The most that one unit may cost by itself, without its sub-workflows."""
    return _max_cost(workflow.blocks, workflow)


def count_sub_workflow_runs(workflow: Workflow) -> dict[str, int]:
    """The most runs of each sub-workflow in one unit, by name."""
    return {name: _count_runs(workflow.blocks, name) for name in workflow.sub_workflows}


def longest_chain_of_runs(workflow: Workflow) -> dict[str, int]:
    """The most runs of each sub-workflow of which each waits for the one before it, by name."""
    return {name: _count_runs(workflow.blocks, name, chain=True) for name in workflow.sub_workflows}


def _count_runs(blocks: Sequence[Block], node: str, *, chain: bool = False) -> int:
    found = 0
    for block in blocks:
        match block:
            case NodeBlock(node=name):
                found += name == node
            case Repeat(do=do, bound=bound, parallel=parallel) | Map(do=do, bound=bound, parallel=parallel):
                passes = math.ceil((bound or 0) / (parallel.width if parallel and chain else 1))
                found += passes * _count_runs(do, node, chain=chain)
            case When(do=do, otherwise=otherwise):
                found += max(_count_runs(do, node, chain=chain), _count_runs(otherwise, node, chain=chain))
    return found


def _max_cost(blocks: Sequence[Block], workflow: Workflow) -> Cost:
    return sum((_max_block_cost(block, workflow) for block in blocks), start=Cost())


def _max_block_cost(block: Block, workflow: Workflow) -> Cost:
    match block:
        case NodeBlock(node=node) if node in workflow.off:
            return Cost()
        case NodeBlock(node=node):
            spec = workflow.nodes[node]
            return Cost(spec.model_calls, spec.cls.tool_calls, 1, spec.model_calls)
        case RecordBlock():
            return Cost(supersteps=1)
        case When(do=do, otherwise=otherwise):
            return _max_cost(do, workflow) | _max_cost(otherwise, workflow)
        case (
            Repeat(name=name, do=do, bound=bound, parallel=parallel)
            | Map(name=name, do=do, bound=bound, parallel=parallel)
        ):
            if bound is None:
                raise ValueError(f"{block.span}: map `{name}` is inside a unit and has no bound")
            each = _max_cost(do, workflow)
            return each * bound if parallel is None else each.side_by_side(bound, parallel.width)
