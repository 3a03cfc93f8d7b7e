"""The arms of an ablation: a workflow under none, one or several of its variants, and whether they can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.json_values import digest
from ste_graph.language.loading import ARM_SIGN, Change
from ste_graph.language.workflow import Workflow
from ste_graph.plan import run_in_own_loop
from ste_graph.redaction import redact_errors
from ste_graph.run.lock_file import lock_content
from ste_graph.run.models import all_model_labels
from ste_graph.run.tools import open_tools, tools_need_start
from ste_graph.run.units import list_units, load_data
from ste_graph.suggest import list_choices
from ste_graph.text import count_noun

BASE: Final = "base"
"""The name of the arm without a variant."""

_OPENED: Final = ("tools", "allow", "data", "params", "graph", "cassette", "redact")
"""The sections on which the units of a run depend."""


@dataclass(frozen=True)
class AblationArm:
    """One arm: the workflow under its variants, once for each seed."""

    name: str
    variants: tuple[str, ...]
    by_seed: Mapping[int, Experiment] = field(repr=False)

    @property
    def workflow(self) -> Workflow:
        """The workflow under the first seed."""
        return next(iter(self.by_seed.values())).workflow


@dataclass(frozen=True)
class Arms:
    """The arms, the base first, and those that are left out because they are the same as another one."""

    arms: tuple[AblationArm, ...]
    same: Mapping[str, str]
    """Arms that are not run, each with the name of the arm that it is the same as."""
    factors: tuple[str, ...] = ()
    """The variants that are combined in every way; empty unless the ablation is factorial."""

    @property
    def base(self) -> AblationArm:
        return self.arms[0]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.base.by_seed)


def compose_arms(
    file: Path,
    variants: Sequence[str] | None = None,
    *,
    factorial: bool = False,
    seeds: int = 1,
    changes: Sequence[Change] = (),
) -> Arms:
    """Compose and check all arms: the base, then each variant, or every combination of the variants.

    Args:
        file: The workflow file, or the bare name of a bundled workflow.
        variants: The variants; `a+b` is one arm under two variants. None: all of the file.
        factorial: True for every combination of the variants.
        seeds: The number of seeds, counted up from that of the workflow; each arm is run once for each.
        changes: Changes of all arms alike, which come before the variants.

    Raises:
        WorkflowError: with all problems of all arms.
    """
    (base,) = Experiment.load_arms(file, [()], set=changes)
    names = list(dict.fromkeys(base.variants if variants is None else variants))
    if not names:
        has = f"the file has: {list_choices(base.variants)}" if base.variants else "the file has none"
        raise WorkflowError(f"{file}: there is no variant to compare with the file as it is; {has}")
    if BASE in base.variants:
        raise WorkflowError(f"{file}: variant `{BASE}`: the file without a variant has this name here; rename it")
    if factorial and (joined := [name for name in names if ARM_SIGN in name]):
        raise WorkflowError(f"`{joined[0]}`: --factorial combines the variants itself; name them one by one")
    wanted: list[tuple[str, ...]] = [()]
    if factorial:
        wanted += [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]
    else:
        wanted += [tuple(name.split(ARM_SIGN)) for name in names]
    by_seed = {
        seed: Experiment.load_arms(file, wanted, set=[*changes, Change("seed", str(seed))])
        for seed in range(base.workflow.seed, base.workflow.seed + seeds)
    }
    arms = [
        AblationArm(ARM_SIGN.join(chosen) or BASE, chosen, {seed: own[place] for seed, own in by_seed.items()})
        for place, chosen in enumerate(wanted)
    ]
    kept: dict[str, AblationArm] = {}
    same: dict[str, str] = {}
    for arm in arms:
        same_as = next(
            (name for name, other in kept.items() if _lock_without_name(arm) == _lock_without_name(other)), None
        )
        if same_as is None:
            kept[arm.name] = arm
        else:
            same[arm.name] = same_as
    if len(kept) == 1:
        raise WorkflowError(
            f"{file}: every arm is the same as `{BASE}` under these changes, so that there is nothing to compare: "
            f"{', '.join(same)}"
        )
    return Arms(tuple(kept.values()), same, tuple(names) if factorial else ())


def expected_locks(arms: Arms, *, start: bool = False) -> dict[tuple[str, int], dict[str, Json] | None]:
    """By arm and seed, the content of the lock file of a new run; arms of the same tools open them once.

    None where the tools are known only once something has started, which it does only with `start`.

    Raises `WorkflowError` if tools or data cannot be opened, or nothing would run, for all arms at once.
    """
    opened: dict[str, dict[str, Json] | None] = {}
    found: dict[tuple[str, int], dict[str, Json] | None] = {}
    problems: dict[str, None] = {}
    for arm in arms.arms:
        for seed, experiment in arm.by_seed.items():
            workflow = experiment.workflow
            key = digest([workflow.lock["workflow"].get(name) for name in _OPENED] + [workflow.lock["code"]])
            if key not in opened:
                try:
                    opened[key] = _expected_lock(workflow, start=start)
                except WorkflowError as error:
                    problems[str(error)] = None
                    continue
            lock, own = opened[key], {"resolved": dict(workflow.lock), "models": all_model_labels(workflow)}
            found[arm.name, seed] = lock and {**lock, **own}
    if problems:
        raise WorkflowError("\n".join(problems))
    return found


def _expected_lock(workflow: Workflow, *, start: bool) -> dict[str, Json] | None:
    if tools_need_start(workflow) and not start:
        return None

    async def make() -> dict[str, Json]:
        async with open_tools(workflow) as opened:
            loaded = load_data(workflow)
            units, skipped = list_units(loaded, opened)
            return lock_content(loaded, units, skipped, all_model_labels(workflow), dry_run=False)

    with redact_errors(workflow.secrets):
        return run_in_own_loop(make())


def check_same_basis(arms: Arms, locks: Mapping[str, Mapping[str, Json] | None]) -> None:
    """Check that all arms explore the same tools, or have the same cases, and make the same random choices.

    Args:
        arms: The arms.
        locks: By arm, what its lock file would say, see `expected_locks`.

    Raises:
        WorkflowError: for all arms that differ from the base, with what differs.
    """
    base = arms.base
    if "trial" not in base.workflow.records:
        made = list_choices(base.workflow.records)
        raise WorkflowError(
            f"{base.workflow.file}: it makes no `trial` records (it makes: {made}), so there is nothing to compare; "
            "an ablation is of a workflow that explores, such as explore.yaml. Arms of a test are compared by "
            "`ste run gain` and `ste score`"
        )
    problems = {arm.name: list(_differences(base, arm, locks)) for arm in arms.arms[1:]}
    problems = {name: own for name, own in problems.items() if own}
    if not problems:
        return
    listed = "".join(f"\n  {name}: {'; '.join(own)}" for name, own in problems.items())
    first = next(iter(problems))
    raise WorkflowError(
        f"{base.workflow.file}: {count_noun(len(problems), 'arm')} cannot be compared with `{BASE}`:{listed}\n"
        "help: arms need the same tools or cases, and the same seed. Choose others with --variants, or run it by "
        f"itself: ste run {base.workflow.file} --variant {first}"
    )


def _lock_without_name(arm: AblationArm) -> Json:
    """The lock of an arm, without the arm's name."""
    return {name: value for name, value in arm.workflow.lock.items() if name != "variant"}


def _differences(base: AblationArm, arm: AblationArm, locks: Mapping[str, Mapping[str, Json] | None]) -> Iterator[str]:
    seeds = [own.workflow.seed for seed, own in arm.by_seed.items() if own.workflow.seed != seed]
    if seeds:
        yield f"it sets the seed to {seeds[0]}; arms are paired by seed"
    if "trial" not in arm.workflow.records:
        yield "it makes no `trial` records"
    first, second = locks[base.name], locks[arm.name]
    if first is None or second is None:
        sections = [base.workflow.lock["workflow"], arm.workflow.lock["workflow"]]
        for name in ("tools", "allow", "data"):
            if sections[0].get(name) != sections[1].get(name):
                yield f"it has other `{name}`, which are known only once they have started"
        return
    lacks = [name for name in first["units"] if name not in second["units"]]
    more = [name for name in second["units"] if name not in first["units"]]
    of = base.workflow.unit
    if lacks:
        yield f"it lacks the {of}s {list_choices(lacks)}" if len(lacks) > 1 else f"it lacks the {of} {lacks[0]}"
    if more:
        yield f"it also has {list_choices(more)}"
    schemas = [lock.get("schemas", {}) for lock in (first, second)]
    for name in first["units"].keys() & second["units"].keys():
        if schemas[0].get(name) != schemas[1].get(name):
            yield f"`{name}` has other parameters"
        elif name not in schemas[0] and first["units"][name] != second["units"][name]:
            yield f"`{name}` is another item"
    for name in first["data"].keys() | second["data"].keys():
        if first["data"].get(name) != second["data"].get(name):
            yield f"data `{name}` differs"
