"""Simulated trial and error for tool-using language models, as a state graph written in YAML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ste_graph.contracts import Context, Model, ModelRequest, Observation, RecordView, Reply, Tool
    from ste_graph.errors import ModelError, RunError, SteError, WorkflowError
    from ste_graph.experiment import Experiment, load
    from ste_graph.finished import FinishedRun, open_run
    from ste_graph.node import Node, NodeInputs, NodeOutputs
    from ste_graph.prompts.prompt import Prompt
    from ste_graph.records import Record, Trial
    from ste_graph.tools.decorator import tool

_HOMES = {
    "ste_graph.contracts": ("Context", "Model", "ModelRequest", "Observation", "RecordView", "Reply", "Tool"),
    "ste_graph.errors": ("ModelError", "RunError", "SteError", "WorkflowError"),
    "ste_graph.experiment": ("Experiment", "load"),
    "ste_graph.finished": ("FinishedRun", "open_run"),
    "ste_graph.node": ("Node", "NodeInputs", "NodeOutputs"),
    "ste_graph.prompts.prompt": ("Prompt",),
    "ste_graph.records": ("Record", "Trial"),
    "ste_graph.tools.decorator": ("tool",),
}

__all__ = [
    "Context",
    "Experiment",
    "FinishedRun",
    "Model",
    "ModelError",
    "ModelRequest",
    "Node",
    "NodeInputs",
    "NodeOutputs",
    "Observation",
    "Prompt",
    "Record",
    "RecordView",
    "Reply",
    "RunError",
    "SteError",
    "Tool",
    "Trial",
    "WorkflowError",
    "load",
    "open_run",
    "tool",
]


def __getattr__(name: str) -> Any:
    """Import on first use: a tool file that only wants `@ste.tool` pays for nothing else."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module `ste_graph` has no `{name}`")


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
