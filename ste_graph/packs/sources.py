"""The origin of a pack: the run of an evaluation, the runs that it rests on, and what they say."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ste_graph.contracts import Effect, Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.json_values import digest
from ste_graph.packs.pack import PackCase, ToolDefinition
from ste_graph.packs.runs import (
    find_origins,
    list_named_runs,
    list_siblings,
    locate_by_id,
    locate_evaluation,
    locate_run,
    workflow_of,
)
from ste_graph.packs.untested import find_untested
from ste_graph.scoring.evaluation import Evaluation
from ste_graph.scoring.reply import CaseReply
from ste_graph.scoring.subject import Form, FormsSubject, Subject
from ste_graph.tools.fingerprint import LENGTH
from ste_graph.training.rows.examples import DistilledRun, read_examples

EFFECTS: tuple[Effect, ...] = ("read", "write", "destructive")


@dataclass(frozen=True)
class PackSource:
    """A decision, and the runs that it rests on."""

    run: Path
    """The run that the user named."""
    evaluation: Evaluation
    line: Mapping[str, Json]
    """The evaluation's line in the journal."""
    evaluated: FinishedRun
    tested: FinishedRun
    """The run with the replies."""
    distilled: FinishedRun
    """The run that holds the cases out."""
    subject: FormsSubject
    """The forms that the pack carries."""
    runs: Mapping[Form, FinishedRun]
    """The run that each form comes from."""

    @property
    def is_adopted(self) -> bool:
        """True if the evaluation adopted what the pack carries."""
        return self.evaluation.decision == "adopt"

    @property
    def arm(self) -> str:
        """The arm that the decision is about."""
        return str(self.evaluation.candidate)

    @property
    def model(self) -> str | None:
        """The label of the model that replied, without the folder that it may be in."""
        labels = self.evaluation.arms[self.arm].get("models") or []
        return short_label(labels[0]) if labels else None

    @cached_property
    def examples(self) -> DistilledRun:
        return read_examples(self.distilled.path)

    @cached_property
    def definitions(self) -> dict[str, ToolDefinition]:
        """The tools of the test, by name, in the order of the run."""
        found: dict[str, ToolDefinition] = {}
        for example in self.examples:
            own = example.definition
            if own.name not in found:
                found[own.name] = _definition(own.name, own.description, own.parameters, example.fingerprint)
        return found

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools that it was adopted for, or would be."""
        adopted = self.evaluation.adopted_for
        return tuple(name for name in self.definitions if adopted is None or name in adopted)

    @cached_property
    def replies(self) -> list[CaseReply]:
        """The replies of the baseline."""
        found = self.tested.typed_records(CaseReply, "reply")
        return [reply for reply, line in found if line.get("arm") == self.evaluation.baseline]

    @cached_property
    def cases(self) -> list[PackCase]:
        """The requests of the test, each once, with what the right call gave."""
        gave = {
            (example.definition.name, example.query): example.steps[-1].observation
            for example in self.examples
            if example.split == "heldout" and example.steps
        }
        cases = {}
        for reply in self.replies:
            seen = gave.get(reply.key)
            reference = seen.text if seen is not None and seen.ok else None
            cases[reply.key] = PackCase(query=reply.query, gold=reply.gold, kind=reply.kind, reference=reference)
        return list(cases.values())

    @cached_property
    def since(self) -> Path | None:
        """The pack that the exploration went on from, which keeps forms of the tools that were not explored again."""
        entries = (workflow_of(self.distilled).get("data") or {}).values()
        named = [entry["since"] for entry in entries if isinstance(entry, Mapping) and entry.get("since")]
        return Path(named[0]) if named else None

    @property
    def settings(self) -> dict[str, Json]:
        """The settings of the test that a repetition needs: the arm, the room, and plain values of the nodes."""
        workflow = workflow_of(self.tested)
        params = workflow.get("params") or {}
        arms = params.get("arms") or []
        arm = next((arm for arm in arms if arm.get("name") == self.arm), {"name": self.arm})
        nodes = {
            name: {key: value for key, value in node.items() if isinstance(value, bool | int | float)}
            for name, node in (workflow.get("nodes") or {}).items()
            if isinstance(node, Mapping)
        }
        return {"arm": arm, "room": params.get("room"), "nodes": {name: own for name, own in nodes.items() if own}}

    @property
    def secret_variables(self) -> frozenset[str]:
        """The variables of the environment that `redact:` names in any of the runs."""
        runs = [
            self.evaluated,
            self.tested,
            self.distilled,
            *self.runs.values(),
            *find_origins(self.distilled).values(),
        ]
        entries = [entry for run in runs for entry in workflow_of(run).get("redact") or []]
        return frozenset(entry["env"] for entry in entries if isinstance(entry, Mapping) and "env" in entry)

    def evidence(self) -> dict[str, Any]:
        """The evidence for the decision, without a path or an address."""
        evaluation = self.evaluation
        runs = {"evaluate": self.evaluated, "icl": self.tested, "distil": self.distilled}
        runs |= find_origins(self.distilled)
        named = {run.id for run in runs.values()}
        runs |= {form: run for form, run in self.runs.items() if run.id not in named}
        learner: Any = next(iter(workflow_of(self.tested).get("models", {}).values()), None)
        used = self.tested.summary().used
        found: dict[str, Any] = {
            "decision": evaluation.decision,
            "reason": evaluation.reason,
            "simulated": evaluation.simulated,
            "baseline": evaluation.baseline,
            "candidate": evaluation.candidate,
            "forms": list(self.subject.forms),
            "adopted_for": evaluation.adopted_for,
            "interval": evaluation.interval,
            "gains": evaluation.gains,
            "arms": evaluation.arms,
            "candidates": evaluation.candidates,
            "model": self.model,
            "server": learner.get("use") if isinstance(learner, Mapping) else None,
            "used": {
                "model_calls": used.model_calls,
                "prompt_tokens": used.prompt_tokens,
                "completion_tokens": used.completion_tokens,
            },
            "seed": workflow_of(self.tested).get("seed", 0),
            "evaluated": self.line.get("ended"),
            "runs": {name: run.id for name, run in runs.items()},
            "dates": {name: run.lock.get("created") for name, run in runs.items()},
            "versions": {"python": self.evaluated.lock.get("python"), **(self.evaluated.lock.get("packages") or {})},
            "settings": self.settings,
            "untested": {each.tool: each.reason for each in find_untested(self.evaluated)},
            "table": evaluation.table,
            "details": evaluation.details,
        }
        labels = {*self.tested.lock["models"].values(), *self.distilled.lock["models"].values()}
        return {key: _without_places(value, labels) for key, value in found.items()}


def find_source(path: Path, *, unadopted: bool = False) -> PackSource:
    """The decision in a run of `gain` or `evaluate`, and what it rests on.

    Raises `WorkflowError` if it is missing or not finished, or adopted nothing and that is not wanted either.
    """
    run = open_run(path)
    summary = run.summary()
    if not summary.complete:
        raise WorkflowError(
            f"{path}: is not finished ({summary.done} of {summary.units} units are done), so that it holds no decision "
            "to pack; go on with it first"
        )
    evaluated, line, evaluation = locate_evaluation(path, run)
    subject = _find_subject(path, evaluation, unadopted=unadopted)
    nearby = [*run.sub_runs, evaluated, *list_siblings(evaluated)]
    what = f"{evaluated.path}: the run with the replies"
    named = list_named_runs(evaluated, "replies", "runs")
    if len(named) > 1:  # further arms were tested in runs of their own, as by lora.yaml
        replies = {each: locate_run([each], nearby, what).records("reply") for each in named}
        named = [each for each in named if any(line.get("arm") == evaluation.candidate for line in replies[each])]
    tested = locate_run(named, nearby, what)
    cases = list_named_runs(tested, "cases", "run")
    distilled = locate_run(cases, nearby, f"{tested.path}: the run with the held-out requests")
    runs = {
        form: locate_by_id(source.run_id, source.run, nearby, f"{path}: the run with the {form}")
        for form, source in subject.forms.items()
    }
    return PackSource(path, evaluation, line, evaluated, tested, distilled, subject, runs)


def _find_subject(path: Path, evaluation: Evaluation, *, unadopted: bool) -> FormsSubject:
    if evaluation.candidate is None:
        raise WorkflowError(
            f"{path}: no arm of the test could be adopted, so that there is nothing to pack: {evaluation.reason}\n"
            "expected: a baseline and at least one arm that shows something learnt (`params.arms`)"
        )
    if evaluation.decision != "adopt" and not unadopted:
        raise WorkflowError(
            f"{path}: the evaluation decided to keep what was there, so that there is nothing proven to pack: "
            f"{evaluation.reason}\n"
            "help: more cases show smaller gains: `ste plan gain` says how many are needed for which. "
            "To look at what it would have been, add --not-adopted: such a pack says so, and is refused wherever one "
            "is used"
        )
    subject: Subject | None = evaluation.adopted
    if subject is None:
        plain = evaluation.arms[evaluation.candidate].get("subject")
        subject = FormsSubject.model_validate(plain) if isinstance(plain, Mapping) and "forms" in plain else None
    if not isinstance(subject, FormsSubject):
        what = (
            "a model, which is a folder of its own"
            if subject is not None
            else "an arm whose replies do not say what they were shown"
        )
        raise WorkflowError(
            f"{path}: the decision is about {what}; a pack carries exemplars, lessons, a guideline or descriptions"
        )
    return subject


def short_label(label: str) -> str:
    """The label of a model; of one that is served by its folder, the folder's name."""
    return re.split(r"[/\\]", label.rstrip("/\\"))[-1] if re.match(r"[/~]|[A-Za-z]:\\", label) else label


def _without_places(value: Any, labels: Collection[str]) -> Any:
    """Plain data without the folders of runs and models: ids, digests and names say which they were."""
    match value:
        case {"run_id": str(), "run": _}:
            return {key: _without_places(inner, labels) for key, inner in value.items() if key != "run"}
        case {"kind": "model", "path": _}:
            return {key: inner for key, inner in value.items() if key != "path"}
        case Mapping():
            return {key: _without_places(inner, labels) for key, inner in value.items()}
        case list():
            return [_without_places(inner, labels) for inner in value]
        case str():
            for label in labels:
                value = value.replace(label, short_label(label))
    return value


def _definition(name: str, description: str, parameters: dict[str, Json], fingerprint: str | None) -> ToolDefinition:
    """The definition with the effect under which it has its fingerprint."""
    plain = {"name": name, "description": description, "parameters": parameters}
    effect = next((own for own in EFFECTS if digest({**plain, "effect": own}, length=LENGTH) == fingerprint), None)
    return ToolDefinition(**plain, effect=effect, fingerprint=fingerprint or "")
