"""The arms of a test: what each replied to the same requests, and what of it is compared with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import ValidationError

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.json_values import equality_key
from ste_graph.scoring.case import Case, Predicted
from ste_graph.scoring.comparison import Rules
from ste_graph.scoring.document import refused
from ste_graph.scoring.judging import Verdicts
from ste_graph.scoring.label import Label, label
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.replied import GoldCall
from ste_graph.scoring.score import Score
from ste_graph.scoring.subject import Subject
from ste_graph.suggest import closest as nearest_name

Role: TypeAlias = Literal["baseline", "candidate"]


class Attempt(Frozen):
    """One reply of an arm, as an evaluation takes it."""

    arm: str
    role: Role | None = None
    query: str
    gold: GoldCall
    output: str | None
    """The reply as the model gave it; None where there is none: `problem` then says why."""
    problem: str | None = None
    offered: tuple[str, ...] = ()
    """The legal names; none: those of all gold calls of the arm."""
    subject: Subject | None = None
    model: str | None = None
    verdict: bool | None = None
    """What a judge has said of it before, where that is kept beside the reply."""
    among: int | None = None
    """How many cases there are with those that were left out, since not all arms replied to them."""
    fixed: dict[str, Json] | None = None
    """The label, where it follows from rules of the test's own."""

    @property
    def case(self) -> Case:
        return Case(self.gold.tool, self.query, self.gold.arguments)

    @property
    def key(self) -> tuple[str, str]:
        """Which case it is, whatever the arm."""
        return self.gold.tool, self.query


@dataclass(frozen=True, slots=True)
class Arm:
    """All replies of one arm."""

    name: str
    attempts: tuple[Attempt, ...]

    @property
    def role(self) -> Role | None:
        return self.attempts[0].role

    @property
    def subject(self) -> Subject | None:
        """What an adoption of it would adopt."""
        return self.attempts[0].subject

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.model for one in self.attempts if one.model))

    def score(
        self, parser: Parser, *, closest: bool = False, rules: Rules | None = None, verdicts: Verdicts | None = None
    ) -> Score:
        """Every reply labelled anew."""
        every = tuple(dict.fromkeys(one.gold.tool for one in self.attempts))
        labels: dict[str, list[Label]] = {}
        for one in self.attempts:
            if one.fixed is not None:
                found = Label(one.case, **one.fixed)
            else:
                predicted = Predicted(one.case, one.output, one.problem, one.verdict)
                names = tuple(dict.fromkeys((*one.offered, one.gold.tool))) if one.offered else every
                found = label(predicted, names, parser=parser, closest=closest, rules=rules, verdicts=verdicts)
            labels.setdefault(one.gold.tool, []).append(found)
        return Score({tool: tuple(own) for tool, own in labels.items()}, parser, source=self.name)


def attempts_of(items: Iterable[Json]) -> list[Attempt]:
    """Items as attempts. Raises `WorkflowError` that names each one which is none."""
    found: list[Attempt] = []
    faults: list[str] = []
    for number, item in enumerate(items):
        try:
            found.append(Attempt.model_validate(item))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            faults.append(f"#{number}: `{'.'.join(map(str, first['loc']))}`: {first['msg']}")
    if faults:
        raise refused("the replies", faults, "expected {arm, query, gold: {tool, arguments}, output} in each")
    return found


def arms_of(attempts: Iterable[Attempt]) -> dict[str, Arm]:
    """The arms by name, the baseline first; the first one where none is marked as that."""
    by_arm: dict[str, list[Attempt]] = {}
    for one in attempts:
        by_arm.setdefault(one.arm, []).append(one)
    arms = [Arm(name, tuple(own)) for name, own in by_arm.items()]
    return {arm.name: arm for arm in sorted(arms, key=lambda arm: arm.role != "baseline")}


def contested(
    attempts: Sequence[Attempt], baseline: str | None, candidate: str | None, *, partial: bool = False, where: str
) -> list[Attempt]:
    """The attempts with their roles, if the arms can be compared: all must have replied to the same cases.

    Args:
        attempts: Of all arms.
        baseline: The arm that the others are compared with; None: the first one.
        candidate: The arm that may be adopted; None: whichever gains most.
        partial: Leave out the cases that not all arms have.
        where: What the attempts come from, for messages.

    Raises:
        WorkflowError: there is no such arm, or arms differ in their cases or gold calls, each of them named.
    """
    if not attempts:
        raise WorkflowError(f"{where}: there is none")
    arms = arms_of(attempts)
    roles = _roles(arms, baseline, candidate, where)
    faults = [fault for arm in arms.values() for fault in _own_faults(arm)] + _gold_faults(arms)
    shared = set.intersection(*({one.key for one in arm.attempts} for arm in arms.values()))
    faults += [] if partial else _missing(arms)
    if faults:
        raise refused(where, faults, "every arm needs one reply to each of the same cases")
    if not shared:
        raise WorkflowError(f"{where}: there is no case to which all of these arms replied: {', '.join(arms)}")
    among = len({one.key for one in attempts})
    kept = [
        one.model_copy(update={"role": roles.get(one.arm), "among": one.among or among})
        for one in attempts
        if one.key in shared
    ]
    return sorted(kept, key=lambda one: one.role != "baseline")


def _roles(arms: Mapping[str, Arm], baseline: str | None, candidate: str | None, where: str) -> dict[str, Role]:
    only = next(iter(arms)) if len(arms) == 1 else None
    first = only or baseline or next(iter(arms))
    for name, setting in ((first, "baseline"), (candidate, "candidate")):
        if name is not None and name not in arms:
            alike = [arm for arm in arms if arm.endswith(f"/{name}") or arm.startswith(f"{name} ")]
            near = alike[0] if len(alike) == 1 else None if alike else nearest_name(name, arms)
            meant = f"did you mean `{near}`? " if near else ""
            said = "is the name of several arms" if len(alike) > 1 else "is no arm"
            raise WorkflowError(f"{where}: `{setting}: {name}` {said}; {meant}the arms are: {', '.join(arms)}")
    if candidate == first:
        raise WorkflowError(f"{where}: `{first}` is the baseline, so that it can be no candidate as well")
    roles: dict[str, Role] = {first: "baseline"}
    return roles | ({candidate: "candidate"} if candidate else {})


def _own_faults(arm: Arm) -> list[str]:
    faults, seen = [], set[tuple[str, str]]()
    for one in arm.attempts:
        if one.key in seen:
            faults.append(f"arm `{arm.name}`, {one.gold.tool}: a second reply to {one.query!r}")
        seen.add(one.key)
    subjects = {equality_key(one.subject.model_dump() if one.subject else None) for one in arm.attempts}
    if len(subjects) > 1:
        faults.append(f"arm `{arm.name}`: its replies speak of {len(subjects)} different subjects; name the arms apart")
    return faults


def _gold_faults(arms: Mapping[str, Arm]) -> list[str]:
    first: dict[tuple[str, str], tuple[str, str]] = {}
    faults = []
    for arm in arms.values():
        for one in arm.attempts:
            gold = equality_key(one.gold.arguments)
            known, name = first.setdefault(one.key, (gold, arm.name))
            if gold != known:
                faults.append(
                    f"{one.gold.tool}: arms `{name}` and `{arm.name}` have different gold calls for {one.query!r}"
                )
    return faults


def _missing(arms: Mapping[str, Arm]) -> list[str]:
    every = dict.fromkeys(one.key for arm in arms.values() for one in arm.attempts)
    faults = []
    for arm in arms.values():
        gone = every.keys() - {one.key for one in arm.attempts}
        if gone:
            tool, query = next(key for key in every if key in gone)
            faults.append(f"arm `{arm.name}` lacks {len(gone)} of the {len(every)} cases, such as {tool}: {query!r}")
    return faults
