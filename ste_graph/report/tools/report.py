"""All that runs tell the author of tools: confusions, failures, values that do not exist, descriptions, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Frozen, Json, is_simulated
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, JournalTrial, open_run
from ste_graph.report.tools.calls import read_tried_calls
from ste_graph.report.tools.confusions import (
    Confusion,
    NeedlessCall,
    confusions_in_replies,
    confusions_in_trials,
    list_needless_calls,
)
from ste_graph.report.tools.failures import (
    MisleadingDescription,
    ParameterFailure,
    list_failures,
    list_misleading,
)
from ste_graph.report.tools.limits import Refusal, list_refusals
from ste_graph.report.tools.mismatches import ArgumentMismatch, list_mismatches
from ste_graph.report.tools.missing_values import MissingValue, list_missing_values
from ste_graph.report.tools.rewriting import Rewriting, list_rewritings
from ste_graph.scoring.reply import CaseReply

BASELINE = "baseline"
"""The arm in which the model sees the tools' own descriptions and nothing else."""


class ToolReport(Frozen):
    """The report; lists have the most frequent entries first."""

    runs: tuple[str, ...]
    models: tuple[str, ...]
    simulated: bool
    tools: tuple[str, ...]
    trials: int
    calls: int
    failed_calls: int
    arm: str | None
    """The arm of the test whose replies are counted; None without replies."""
    replies: int
    confusions: tuple[Confusion, ...]
    needless: tuple[NeedlessCall, ...]
    failures: tuple[ParameterFailure, ...]
    mismatches: tuple[ArgumentMismatch, ...]
    missing_values: tuple[MissingValue, ...]
    misleading: tuple[MisleadingDescription, ...]
    refusals: tuple[Refusal, ...]
    descriptions: dict[str, str]
    rewritings: tuple[Rewriting, ...]


@dataclass
class _Records:
    """The contents of the runs."""

    trials: list[JournalTrial] = field(default_factory=list)
    replies: dict[str, list[CaseReply]] = field(default_factory=dict)
    """By arm."""
    restraint: list[CaseReply] = field(default_factory=list)
    """Replies to requests that no call is right for."""
    description_arms: dict[str, None] = field(default_factory=dict)
    """The arms that show rewritten descriptions and nothing else."""
    rewritten: list[Mapping[str, Json]] = field(default_factory=list)
    schemas: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    refused_keywords: dict[str, str] = field(default_factory=dict)

    def add(self, run: FinishedRun) -> None:
        """Adds the records of a run, without those of its parts."""
        self.schemas.update(run.lock.get("schemas") or {})
        self.descriptions.update(run.lock.get("descriptions") or {})
        self.names.update(run.lock.get("names") or {})
        self.models.update(dict.fromkeys(run.labels.values()))
        for server, adaptation in (run.lock.get("adaptations") or {}).items():
            model = str(server).partition(" at ")[0]  # the address is nobody else's concern
            self.refused_keywords.update(dict.fromkeys(adaptation.get("keywords") or (), model))
        lines = list(enumerate(run.records(), start=1))
        self.trials += run.trials()
        rewritten = [line for _, line in lines if line["record"] == "description"]
        self.rewritten += rewritten
        if not rewritten:  # else its replies only tested the proposals
            for number, line in lines:
                if line["record"] == "reply":
                    self._add_reply(run, number, line)

    def _add_reply(self, run: FinishedRun, number: int, line: Mapping[str, Json]) -> None:
        reply = _read_reply(run, number, line)
        if reply.kind != "call":
            self.restraint.append(reply)
            return
        self.replies.setdefault(reply.arm, []).append(reply)
        if list((line.get("subject") or {}).get("forms") or ()) == ["descriptions"]:
            self.description_arms[reply.arm] = None


def report_tools(paths: Sequence[Path]) -> ToolReport:
    """The report of runs and of their parts.

    Raises `WorkflowError` for a folder that is not a run, and where no run has trials or replies.
    """
    records = _Records()
    runs = [part for path in paths for run in (open_run(path),) for part in (run, *run.sub_runs)]
    for run in {str(run.path.resolve()): run for run in runs}.values():
        records.add(run)
    if not records.trials and not records.replies:
        where = ", ".join(map(str, paths))
        raise WorkflowError(
            f"{where}: no trials and no replies to a test, so there is nothing to report of; expected a run of an "
            "exploration or of `gain`, or a test's run together with that of its exploration"
        )
    arm = BASELINE if BASELINE in records.replies else next(iter(records.replies), None)
    replies = records.replies.get(arm or "", [])
    calls = read_tried_calls(records.trials)
    confused = confusions_in_replies(arm, records.replies, records.descriptions)
    return ToolReport(
        runs=tuple(map(str, paths)),
        models=tuple(records.models),
        simulated=any(map(is_simulated, records.models)),
        tools=tuple(records.schemas) or tuple(dict.fromkeys(reply.gold.tool for reply in replies)),
        trials=len(records.trials),
        calls=len(calls),
        failed_calls=sum(call.at_fault for call in calls),
        arm=arm,
        replies=len(replies),
        needless=tuple(list_needless_calls([reply for reply in records.restraint if reply.arm == arm])),
        confusions=tuple(confused if replies else confusions_in_trials(calls, records.descriptions)),
        failures=tuple(list_failures(calls)),
        mismatches=tuple(list_mismatches(replies, records.schemas)),
        missing_values=tuple(list_missing_values(calls)),
        misleading=tuple(list_misleading(calls, records.schemas)),
        refusals=tuple(list_refusals(records.schemas, records.names, records.refused_keywords)),
        descriptions=records.descriptions,
        rewritings=tuple(
            list_rewritings(
                records.rewritten,
                replies,
                {name: records.replies[name] for name in records.description_arms},
                records.descriptions,
            )
        ),
    )


def _read_reply(run: FinishedRun, number: int, line: Mapping[str, Json]) -> CaseReply:
    """The reply in a line; what an adoption would adopt is of no concern here."""
    try:
        return CaseReply.from_line({name: value for name, value in line.items() if name != "subject"})
    except ValidationError:
        raise WorkflowError(
            f"{run.folder.journal}:{number}: this `reply` cannot be read; the run may be of another version"
        ) from None
