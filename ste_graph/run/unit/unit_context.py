"""The context of a unit: what all units of a run share, and what a unit has for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ste_graph.compile.flow import Flow
from ste_graph.contracts import Model, RecordStore, ValueStore
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.models.prices import Prices
from ste_graph.redaction import Redactor
from ste_graph.run.context import RunContext
from ste_graph.run.logs.events import UnitEvents
from ste_graph.run.logs.steps import StepWriter, UnitLog
from ste_graph.run.unit.pass_records import PassRecords
from ste_graph.run.unit.pending import PendingCalls
from ste_graph.run.unit.record_maker import RecordMaker
from ste_graph.run.unit.reset import Resetter
from ste_graph.run.unit.sub_workflow import ExecuteSubWorkflow
from ste_graph.tools.toolbox import Toolbox


@dataclass(frozen=True)
class SharedContext:
    """The services that all units of a run share."""

    workflow: Workflow
    flow: Flow
    models: Mapping[str, Model]
    stores: Mapping[str, RecordStore]
    value_stores: Mapping[str, ValueStore]
    record_maker: RecordMaker
    run: RunContext
    redactor: Redactor
    steps: StepWriter
    events: UnitEvents
    pending: PendingCalls
    execute: ExecuteSubWorkflow
    protocols: Mapping[str, str]
    """The form in which calls are best asked of a model, by its name, where that is known."""
    prices: Mapping[str, Prices] = field(default_factory=dict)
    """The prices of the models, those of sub-workflows too."""
    resetter: Resetter | None = None
    """None where the workflow has no reset, or nothing is called."""

    @property
    def meter(self) -> Meter:
        """The meter of the run."""
        return self.run.meter


@dataclass(frozen=True)
class UnitContext:
    """One unit: its name, its log, its tools, and what it shares with the others."""

    name: str
    log: UnitLog
    toolbox: Toolbox
    shared: SharedContext
    held: PassRecords | None = None
    """The records of a pass that runs alongside others; None outside such a pass."""
