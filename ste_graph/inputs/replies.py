"""The replies of earlier runs, arm by arm."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.scoring.arms import check_same_cases
from ste_graph.scoring.reply import ArmReply
from ste_graph.settings import RelativePath


class RunReplies(Frozen):
    """The replies of every arm in these runs, if the arms can be compared: all must have replied to the same cases.

    If arms of two runs have the same name, they are called `RUN/ARM`, after their run's folder. If every unit of a run
    replied to the same cases, as every seed of finetune.yaml does, its arms are called `ARM UNIT`; but of the baseline,
    only the first unit's replies count. With `include`, the arms of these names. `baseline` is the arm that the others
    are compared with; unset: `before` if there is one (of finetune.yaml), else `baseline`. `candidate` is the arm that
    may be adopted; unset: the one that gains most. `partial` takes runs that are not finished, and leaves out the cases
    that not all arms have.
    """

    runs: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    """The folders of the runs."""
    baseline: str | None = None
    """The arm with which the others are compared; unset: `before` if there is one, else `baseline`."""
    candidate: str | None = None
    """The arm that may be adopted; unset: the one that gains most."""
    include: tuple[str, ...] | None = None
    """Only the arms of these names."""
    partial: bool = False
    """True: runs that are not finished are taken, and cases that not all arms have are left out."""

    def items(self) -> list[Json]:
        """The replies, the baseline's first. Raises `WorkflowError` if arms cannot be compared, and says why."""
        paths = [Path(run) for run in self.runs]
        found = [_read_replies(path, partial=self.partial) for path in paths]
        unnamed = "before" if any(reply.arm == "before" for own in found for _, reply in own) else "baseline"
        baseline = self.baseline or unnamed
        by_run = [_separate_units(own, baseline) for own in found]
        names = _name_arms(paths, [{reply.arm for reply in own} for own in by_run])
        replies = [
            reply.model_copy(update={"arm": names[place, reply.arm]})
            for place, own in enumerate(by_run)
            for reply in own
        ]
        where = ", ".join(self.runs)
        if self.include is not None:
            known = dict.fromkeys(reply.arm for reply in replies)
            if missing := [name for name in self.include if name not in known]:
                raise WorkflowError(f"{where}: has no arm {', '.join(missing)}; the arms are: {', '.join(known)}")
            replies = [reply for reply in replies if reply.arm in self.include]
        comparable = check_same_cases(replies, baseline, self.candidate, partial=self.partial, where=where)
        return [reply.model_dump(mode="json") for reply in comparable]


def _read_replies(path: Path, *, partial: bool) -> list[tuple[str, ArmReply]]:
    """Reads the replies of a run with the unit of each, unit by unit."""
    run = open_run(path)
    if not partial:
        _refuse_unfinished(run)
    found = [(_unit(line), reply) for reply, line in run.typed_records(ArmReply, "reply")]
    order = {unit: place for place, unit in enumerate(run.lock["units"])}
    if not found:
        parts = [str(part.path) for part in run.sub_runs if any(line["record"] == "reply" for line in part.records())]
        meant = f"; did you mean {' or '.join(parts)}?" if parts else ""
        raise WorkflowError(
            f"{path}: holds no reply to a test; expected a run of icl.yaml or finetune.yaml with at least one arm "
            f"(`params.arms`) and one case (`params.cases`){meant}"
        )
    listed = run.lock["resolved"]["workflow"].get("params", {}).get("arms")
    arms = [arm.get("name") for arm in listed if isinstance(arm, dict)] if isinstance(listed, list) else []
    place = {arm: number for number, arm in enumerate(arms)}  # the arms in their order, though not asked in it
    return sorted(found, key=lambda pair: (place.get(pair[1].arm, len(place)), order.get(pair[0], len(order))))


def _separate_units(found: list[tuple[str, ArmReply]], baseline: str) -> list[ArmReply]:
    """The replies, with arms of their own for units that each replied to all cases of their arm."""
    cases: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for unit, reply in found:
        cases.setdefault(reply.arm, {}).setdefault(unit, set()).add(reply.key)
    repeated = {
        arm
        for arm, units in cases.items()
        if len(units) > 1 and all(keys == set.union(*units.values()) for keys in units.values())
    }
    separate = []
    for unit, reply in found:
        if reply.arm not in repeated:
            separate.append(reply)
        elif reply.arm != baseline:
            separate.append(reply.model_copy(update={"arm": f"{reply.arm} {unit}"}))
        elif unit == next(iter(cases[baseline])):
            separate.append(reply)
    return separate


def _refuse_unfinished(run: FinishedRun) -> None:
    summary = run.summary()
    if summary.complete:
        return
    failed = "".join(f"\n  {unit} failed: {why}" for unit, why in summary.failed.items())
    raise WorkflowError(
        f"{run.path}: is not finished ({summary.done} of {summary.units} units are done), so what is left would not "
        f"count; go on with it, or use it unfinished with `partial: true`{failed}"
    )


def _unit(line: dict[str, Json]) -> str:
    """The unit in which a record was made: the journal has it after `id` and `record`."""
    return str(next((value for key, value in line.items() if key not in ("id", "record")), ""))


def _name_arms(paths: list[Path], arms: list[set[str]]) -> dict[tuple[int, str], str]:
    """The name of each arm of each run: with the run's name if another run has an arm of that name."""
    folders = [path.resolve() for path in paths]
    if repeated := [str(path) for path, count in Counter(folders).items() if count > 1]:
        raise WorkflowError(f"{', '.join(repeated)}: is listed twice in `runs`")
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
