"""About how long the longest prompt of a workflow is."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Final

from ste_graph.language.blocks import Map, NodeBlock, Repeat, walk
from ste_graph.language.workflow import NodeSpec, Workflow

CHARACTERS_PER_TOKEN: Final = 4
TOOL: Final = 200
"""Tokens of one tool in a prompt: its name, what it does, and its parameters."""
OFFERED: Final = 12
"""Tools where a prompt shows several."""
REPLY: Final = 120
"""Tokens of one reply, or of the result of a tool."""
ENTRY: Final = 60
"""Tokens of one record that is recalled."""


def estimate_longest_prompt(workflow: Workflow, models: Collection[str]) -> int:
    """About how many tokens the longest prompt to one of these models of the workflow has."""
    return max((_longest(workflow, spec) for spec in workflow.nodes.values() if _asks(spec, models)), default=0)


def _asks(spec: NodeSpec, models: Collection[str]) -> bool:
    return any(model in models for model in spec.models.values())


def _longest(workflow: Workflow, spec: NodeSpec) -> int:
    transcript = workflow.memories.get(spec.transcript or "")
    if transcript is None:
        return _own(spec) + REPLY
    turns = {name: _passes(workflow, name, transcript.lives) for name in workflow.nodes}
    conversation = sum(
        turns[other.name] * (_own(other) // 2 + REPLY)
        for other in workflow.nodes.values()
        if other.transcript == spec.transcript and other.models
    )
    bound: int | None = getattr(transcript.memory, "max_tokens", None)
    return _own(spec) + (conversation if bound is None else min(conversation, bound))


def _own(spec: NodeSpec) -> int:
    """Tokens of the prompts of a node, with what they show."""
    tokens = 0
    for prompt in spec.prompts.values():
        roots = prompt.roots
        tokens += len(prompt.text) // CHARACTERS_PER_TOKEN
        tokens += TOOL * ("tool" in roots) + OFFERED * TOOL * any("tools" in fields for fields in roots.values())
    recalled = sum(count for name in ("k", "recall") if isinstance(count := spec.settings.get(name), int))
    return tokens + ENTRY * (recalled or 10 * len(spec.memories))


def _passes(workflow: Workflow, node: str, lives: str) -> int:
    """The most times that a node runs in one pass of a loop."""
    bounds = {block.name: block.bound or 1 for block, _ in walk(workflow.blocks) if isinstance(block, (Repeat, Map))}
    passes = 0
    for block, around in walk(workflow.blocks):
        if isinstance(block, NodeBlock) and block.node == node:
            inner = around[around.index(lives) + 1 :] if lives in around else around
            passes += prod(bounds[name] for name in inner)
    return passes
