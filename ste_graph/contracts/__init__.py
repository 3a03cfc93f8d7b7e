"""Promises between the engine, the nodes, the memories, the models and the tools; imported by all, imports nothing."""

from ste_graph.contracts.context import Context
from ste_graph.contracts.data import DataSource
from ste_graph.contracts.memory import (
    AccessChecked,
    Entry,
    ExemplarMemory,
    ExemplarView,
    LessonView,
    Neighbour,
    Origin,
    RecordMemory,
    RecordStore,
    RecordView,
    Scope,
    SelectedExemplars,
    SelectedLessons,
    SimilarityMemory,
    SimilarityView,
    TranscriptMemory,
)
from ste_graph.contracts.model import SIMULATED, Message, Model, ModelRequest, Reply, ToolCall, Usage, is_simulated
from ste_graph.contracts.selection import VERIFIED, Gate, Selection, SelectionFields
from ste_graph.contracts.tool import Effect, Observation, ObservationKind, Restartable, Tool, ToolSource
from ste_graph.contracts.values import Frozen, Json

__all__ = [
    "SIMULATED",
    "VERIFIED",
    "AccessChecked",
    "Context",
    "DataSource",
    "Effect",
    "Entry",
    "ExemplarMemory",
    "ExemplarView",
    "Frozen",
    "Gate",
    "Json",
    "LessonView",
    "Message",
    "Model",
    "ModelRequest",
    "Neighbour",
    "Observation",
    "ObservationKind",
    "Origin",
    "RecordMemory",
    "RecordStore",
    "RecordView",
    "Reply",
    "Restartable",
    "Scope",
    "SelectedExemplars",
    "SelectedLessons",
    "Selection",
    "SelectionFields",
    "SimilarityMemory",
    "SimilarityView",
    "Tool",
    "ToolCall",
    "ToolSource",
    "TranscriptMemory",
    "Usage",
    "is_simulated",
]
