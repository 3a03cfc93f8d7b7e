"""A workflow as Python: what a module builds on that `ste draw FILE --out x.py` has written, or that is yours.

The graph of a unit, its routers and its nodes are plain code in that module. The engine runs it as it runs a file: with
step logs and resumption, a budget, retries, a journal. Public here: `CodedWorkflow` with `Loop`, `Memory` and
`RecordJoin`; `Step`, in which one vertex runs; `CodedContext`, the context of the graph; and `environment`,
`load_plugin`, `look_up`, `OFF`. `writing` writes such a module.
"""

from __future__ import annotations

from ste_graph.coded.parts import OFF, Loop, Memories, Memory, Models, RecordJoin, environment, load_plugin
from ste_graph.coded.step import Step, Target, look_up
from ste_graph.coded.unit import CodedContext
from ste_graph.coded.workflow import CodedWorkflow

__all__ = [
    "OFF",
    "CodedContext",
    "CodedWorkflow",
    "Loop",
    "Memories",
    "Memory",
    "Models",
    "RecordJoin",
    "Step",
    "Target",
    "environment",
    "load_plugin",
    "look_up",
]
