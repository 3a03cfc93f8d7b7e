"""Adoptions: the refusal of everything that an evaluation has not adopted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.scoring.evaluation import Evaluation
from ste_graph.scoring.subject import Form, FormsSubject, ModelSubject, Subject, model_digest

HOW = "ste run evaluate --set 'data.replies.runs=[RUN]'"


@dataclass(frozen=True, slots=True)
class Adoption:
    """The evaluations of a run that is finished."""

    run: Path
    evaluations: Sequence[Evaluation]

    @property
    def adopted(self) -> list[tuple[Subject, frozenset[str] | None]]:
        """Everything that has been adopted, and the tools that it was adopted for; None for all."""
        return [
            (evaluation.adopted, None if evaluation.adopted_for is None else frozenset(evaluation.adopted_for))
            for evaluation in self.evaluations
            if evaluation.decision == "adopt" and evaluation.adopted is not None
        ]

    def refusal(self, what: str) -> WorkflowError:
        """The error for something that was not adopted."""
        outcomes = "; ".join(map(_describe_outcome, self.evaluations))
        return WorkflowError(
            f"{what} may not be used: `only_if` asks for the evaluation {self.run}, and {outcomes}\n"
            f"help: leave it out, or test it and name that evaluation in `only_if`: {HOW}"
        )


def read_adoption(path: Path) -> Adoption:
    """The adoption by the evaluation in a run's folder, or by the only evaluation among the runs within that run.

    Raises `WorkflowError` if it is missing or not finished.
    """
    try:
        run = open_run(path)
        evaluations = _read_evaluations(run)
    except WorkflowError as error:
        raise WorkflowError(f"`only_if`: {error}\nexpected: the run of an evaluation: {HOW}") from error
    if not evaluations:
        parts = [part for part in run.sub_runs if _read_evaluations(part)]
        if len(parts) == 1:
            run, evaluations = parts[0], _read_evaluations(parts[0])
    summary = run.summary()
    if not summary.complete:
        raise WorkflowError(
            f"`only_if`: the evaluation {run.path} is not finished ({summary.done} of {summary.units} units are done); "
            "go on with it first"
        )
    if not evaluations:
        raise WorkflowError(f"`only_if`: {path} holds no evaluation\nexpected: the run of an evaluation: {HOW}")
    return Adoption(run.path, evaluations)


def require_learnt(what: str, ids: Sequence[str], forms: Sequence[Form], only_if: str) -> frozenset[str] | None:
    """Requires that these forms of all these runs were adopted, and returns for which tools.

    None stands for all tools. Raises `WorkflowError` if they were not adopted.
    """
    adoption = read_adoption(Path(only_if))
    for subject, tools in adoption.adopted:
        if isinstance(subject, FormsSubject):
            runs = {form: {source.run_id} for form, source in subject.forms.items()}
            if all(runs.get(form, set()) >= set(ids) for form in forms):
                return tools
    raise adoption.refusal(what)


def require_model(folder: str, only_if: str) -> None:
    """Requires that the model in a folder, as it is now, was adopted. Raises `WorkflowError` otherwise."""
    adoption = read_adoption(Path(only_if))
    digest = model_digest(Path(folder))
    if not any(isinstance(subject, ModelSubject) and subject.digest == digest for subject, _ in adoption.adopted):
        raise adoption.refusal(f"the model in {folder} ({digest[:12]})")


def describe_subject(subject: Subject) -> str:
    """The subject in words."""
    match subject:
        case FormsSubject():
            forms = subject.forms.items()
            return " with ".join(f"the {form} of {source.run} (run {source.run_id[:12]})" for form, source in forms)
        case ModelSubject():
            return f"the model in {subject.path} ({subject.digest[:12]})"


def _describe_outcome(evaluation: Evaluation) -> str:
    if evaluation.decision == "keep":
        return f"that decided to keep what was there: {evaluation.reason}"
    if evaluation.adopted is None:
        return f"that adopted the arm `{evaluation.candidate}`, whose replies do not name their subject"
    return f"that adopted {describe_subject(evaluation.adopted)}"


def _read_evaluations(run: FinishedRun) -> list[Evaluation]:
    return [evaluation for evaluation, _ in run.typed_records(Evaluation, "evaluation")]
