"""What an evaluation has adopted, and the refusal of what it has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.jsonl import LineFile
from ste_graph.finished import FinishedRun, open_run
from ste_graph.scoring.evaluation import Evaluation
from ste_graph.scoring.subject import OfBoth, OfExemplars, OfLessons, OfModel, Subject, digest_of

HOW = "ste run evaluate --set data.replies.runs=[RUN]"


@dataclass(frozen=True, slots=True)
class Adoption:
    """The evaluations of a run that is finished."""

    run: Path
    evaluations: Sequence[Evaluation]

    @property
    def subjects(self) -> list[Subject]:
        """What has been adopted."""
        return [one.adopted for one in self.evaluations if one.decision == "adopt" and one.adopted is not None]

    def refusal(self, what: str) -> WorkflowError:
        """The error for something that was not adopted."""
        told = "; ".join(self._told(one) for one in self.evaluations)
        return WorkflowError(
            f"{what} may not be used: `only_if` asks for the evaluation {self.run}, and {told}\n"
            f"Leave it out, or test it and name that evaluation in `only_if`: {HOW}"
        )

    def _told(self, one: Evaluation) -> str:
        if one.decision == "keep":
            return f"that decided to keep what was there: {one.reason}"
        if one.adopted is None:
            return f"that adopted the arm `{one.candidate}`, whose replies do not say what it stands for"
        return f"that adopted {described(one.adopted)}"


def adoption_of(path: Path) -> Adoption:
    """What the evaluation in a run's folder adopted, or the one evaluation among the runs within that run.

    Raises `WorkflowError` where there is none, or it is not finished.
    """
    try:
        run = open_run(path)
        lines = _evaluations(run)
    except WorkflowError as error:
        raise WorkflowError(f"`only_if`: {error}\nExpected the run of an evaluation: {HOW}") from error
    if not lines:
        within = [part for part in run.parts if _evaluations(part)]
        if len(within) == 1:
            run, lines = within[0], _evaluations(within[0])
    summary = run.summary()
    if not summary.complete:
        raise WorkflowError(
            f"`only_if`: the evaluation {run.path} is not finished ({summary.done} of {summary.units} units are done); "
            "go on with it first"
        )
    if not lines:
        raise WorkflowError(f"`only_if`: {path} holds no evaluation; expected the run of one: {HOW}")
    return Adoption(run.path, lines)


def require_learnt(
    what: str, ids: Sequence[str], kinds: Sequence[str], only_if: str
) -> OfExemplars | OfLessons | OfBoth:
    """Raise `WorkflowError` unless the `exemplars`, the `lessons` or both of all these runs were adopted.

    Gives what was adopted.
    """
    adoption = adoption_of(Path(only_if))
    for one in adoption.subjects:
        if not isinstance(one, OfModel) and all(set(ids) <= {_runs(one).get(kind)} for kind in kinds):
            return one
    raise adoption.refusal(what)


def _runs(subject: OfExemplars | OfLessons | OfBoth) -> dict[str, str]:
    """Of which run each kind of thing was adopted."""
    match subject:
        case OfExemplars():
            return {"exemplars": subject.run_id}
        case OfLessons():
            return {"lessons": subject.run_id}
        case OfBoth():
            return {"exemplars": subject.run_id, "lessons": subject.lessons_run_id}


def require_model(folder: str, only_if: str) -> None:
    """Raise `WorkflowError` unless the model in a folder, as it is now, was adopted."""
    adoption = adoption_of(Path(only_if))
    digest = digest_of(Path(folder))
    if not any(isinstance(one, OfModel) and one.digest == digest for one in adoption.subjects):
        raise adoption.refusal(f"the model in {folder} ({digest[:12]})")


def described(subject: Subject) -> str:
    """A subject in words."""
    match subject:
        case OfExemplars():
            return f"the exemplars of {subject.run} (run {subject.run_id[:12]})"
        case OfLessons():
            return f"the lessons of {subject.run} (run {subject.run_id[:12]})"
        case OfBoth():
            return (
                f"the exemplars of {subject.run} (run {subject.run_id[:12]}) with the lessons of "
                f"{subject.lessons_run} (run {subject.lessons_run_id[:12]})"
            )
        case OfModel():
            return f"the model in {subject.path} ({subject.digest[:12]})"


def _evaluations(run: FinishedRun) -> list[Evaluation]:
    journal = LineFile(run.folder.journal)
    found = []
    for number, line in enumerate(journal.lines(), start=1):
        if line.get("record") == "evaluation":
            found.append(_evaluation(line, journal, number))
    return found


def _evaluation(line: dict[str, Json], journal: LineFile, number: int) -> Evaluation:
    try:
        return Evaluation.model_validate({name: line[name] for name in Evaluation.model_fields if name in line})
    except ValidationError:
        raise journal.damaged_line(number) from None
