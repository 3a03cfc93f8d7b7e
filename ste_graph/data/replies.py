"""The replies of earlier runs, arm by arm."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun
    from ste_graph.scoring.arms import Attempt


_TAKEN = ("arm", "query", "gold", "output", "offered", "subject", "model")
"""What is taken of a reply; what its run said of it is not: it is labelled anew."""


class RunReplies(Frozen):
    """The replies of every arm in these runs, if the arms can be compared: all must have replied to the same cases.

    Where arms of two runs have one name, each is told apart as `RUN/ARM`, by its run's folder. Where every unit of a
    run replied to the same cases, as every seed of finetune.yaml does, its arms are told apart as `ARM UNIT`; but of
    the baseline, the first unit's counts. With `only`, the arms of these names. `baseline` is the arm that the others
    are compared with; unset: `before` where there is one (of finetune.yaml), else `baseline`. `candidate` is the arm
    that may be adopted; unset: the one that gains most. `partial` takes runs that are not finished, and leaves out the
    cases that not all arms have.
    """

    runs: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    baseline: str | None = None
    candidate: str | None = None
    only: tuple[str, ...] | None = None
    partial: bool = False

    def items(self) -> list[Json]:
        """The replies, the baseline's first. Raises `WorkflowError` where arms cannot be compared, and says why."""
        from ste_graph.scoring.arms import contested

        paths = [Path(run) for run in self.runs]
        found = [_replies(path, partial=self.partial) for path in paths]
        unnamed = "before" if any(one.arm == "before" for own in found for _, one in own) else "baseline"
        baseline = self.baseline or unnamed
        by_run = [_units_apart(own, baseline) for own in found]
        names = _names(paths, [{one.arm for one in own} for own in by_run])
        attempts = [
            one.model_copy(update={"arm": names[place, one.arm]}) for place, own in enumerate(by_run) for one in own
        ]
        where = ", ".join(self.runs)
        if self.only is not None:
            known = dict.fromkeys(one.arm for one in attempts)
            if missing := [name for name in self.only if name not in known]:
                raise WorkflowError(f"{where}: has no arm {', '.join(missing)}; the arms are: {', '.join(known)}")
            attempts = [one for one in attempts if one.arm in self.only]
        kept = contested(attempts, baseline, self.candidate, partial=self.partial, where=where)
        return [one.model_dump(mode="json") for one in kept]


def _replies(path: Path, *, partial: bool) -> list[tuple[str, Attempt]]:
    """The replies of a run with the unit of each, unit by unit."""
    from ste_graph.files.jsonl import LineFile
    from ste_graph.finished import open_run
    from ste_graph.scoring.arms import Attempt
    from ste_graph.scoring.replied import Replied

    run = open_run(path)
    if not partial:
        _refuse_unfinished(run)
    journal = LineFile(run.folder.journal)
    found: list[tuple[str, Attempt]] = []
    order = {unit: place for place, unit in enumerate(run.lock["units"])}
    for number, line in enumerate(journal.lines(), start=1):
        if line.get("record") != "reply":
            continue
        try:
            reply = Replied.model_validate({name: line[name] for name in Replied.model_fields if name in line})
        except ValidationError:
            raise journal.damaged_line(number) from None
        attempt = Attempt(
            **{name: getattr(reply, name) for name in _TAKEN},
            problem=reply.problem if reply.output is None else None,
        )
        found.append((_unit(line), attempt))
    if not found:
        within = [str(part.path) for part in run.parts if any(line["record"] == "reply" for line in part.records())]
        meant = f"; did you mean {' or '.join(within)}?" if within else ""
        raise WorkflowError(f"{path}: holds no reply to a test; expected a run of icl.yaml or finetune.yaml{meant}")
    return sorted(found, key=lambda pair: order.get(pair[0], len(order)))  # stable: as each unit made them


def _units_apart(found: list[tuple[str, Attempt]], baseline: str) -> list[Attempt]:
    """The replies, with arms of their own for units that each replied to all cases of their arm."""
    cases: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for unit, one in found:
        cases.setdefault(one.arm, {}).setdefault(unit, set()).add(one.key)
    repeated = {
        arm
        for arm, units in cases.items()
        if len(units) > 1 and all(keys == set.union(*units.values()) for keys in units.values())
    }
    apart = []
    for unit, one in found:
        if one.arm not in repeated:
            apart.append(one)
        elif one.arm != baseline:
            apart.append(one.model_copy(update={"arm": f"{one.arm} {unit}"}))
        elif unit == next(iter(cases[baseline])):
            apart.append(one)
    return apart


def _refuse_unfinished(run: FinishedRun) -> None:
    summary = run.summary()
    if summary.complete:
        return
    failed = "".join(f"\n  {unit} failed: {why}" for unit, why in summary.failed.items())
    raise WorkflowError(
        f"{run.path}: is not finished ({summary.done} of {summary.units} units are done), so that what is left would "
        f"not count; go on with it, or take it as it stands with `partial: true`{failed}"
    )


def _unit(line: dict[str, Json]) -> str:
    """The unit in which a record was made: the journal has it behind `id` and `record`."""
    return str(next((value for key, value in line.items() if key not in ("id", "record")), ""))


def _names(paths: list[Path], arms: list[set[str]]) -> dict[tuple[int, str], str]:
    """What each arm of each run is called: by the run too where another run has an arm of that name."""
    folders = [path.resolve() for path in paths]
    if twice := [str(path) for path, count in Counter(folders).items() if count > 1]:
        raise WorkflowError(f"{', '.join(twice)}: stands twice in `runs`")
    shared = {name for name, count in Counter(arm for own in arms for arm in own).items() if count > 1}
    short = Counter(folder.name for folder in folders)
    labels = [folder.name if short[folder.name] == 1 else "/".join(folder.parts[-2:]) for folder in folders]
    if len(set(labels)) < len(labels):
        labels = [str(folder) for folder in folders]
    return {
        (place, arm): f"{label}/{arm}" if arm in shared else arm
        for place, (label, own) in enumerate(zip(labels, arms, strict=True))
        for arm in own
    }
