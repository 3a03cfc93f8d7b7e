"""One arm of a proof: its graph, prompts and memories as they are, and substitutes for the rest."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from ste_graph.compile.walk import WalkedGraph
from ste_graph.errors import RunError, SteError
from ste_graph.lab.proofs.canaries import Canaries
from ste_graph.lab.proofs.evidence import ArmEvidence
from ste_graph.lab.proofs.reach import count_in_turn
from ste_graph.lab.proofs.stand_ins import CanaryModel, CanaryTools, Script, WordEmbedder
from ste_graph.lab.proofs.watch import Watch
from ste_graph.language.blocks import Block, Map, RecordBlock, Repeat, When, walk
from ste_graph.language.workflow import EARLIER_RUN, VALUES, MemorySpec, Workflow
from ste_graph.run.execution import execute

PASSES: Final = 3
"""The most passes of a loop in a proof."""
AROUND: Final = 2
"""The most passes of a loop around one that makes records."""
ITEMS: Final = 12
"""The most items of a `map` inside a unit."""
UNITS: Final = 2
BASE: Final = "base"
"""The name of the arm without a variant."""
PART: Final = 20_000
"""The canaries of one part: a later part, which reads what an earlier one has left, must not take them for its own."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm, or a part of it that another workflow runs, and what was seen of it."""

    workflow: Workflow
    """As it is in the file."""
    name: str
    """The arm's name, `base` without a variant; of a part after it, as in `small, explore`."""
    evidence: ArmEvidence
    folder: Path
    """The folder of its run, which is gone once the proof is done."""

    @property
    def was_run(self) -> bool:
        """True if there is anything to go by."""
        return not self.evidence.problems or self.evidence.prompts > 0


async def run_arm(workflow: Workflow, folder: Path) -> list[Arm]:
    """Run an arm, or its parts one after another, and return what was seen of each.

    Nothing outside `folder` is written, no tool is called, no model asked.
    """
    name = workflow.variant or BASE
    if not workflow.sub_workflows:
        return [await _run(workflow, name, folder)]
    arms: list[Arm] = []
    outputs: dict[str, str] = {}
    for number, spec in enumerate(workflow.sub_workflows.values()):
        own = folder / spec.name
        part = spec.workflow
        try:
            part = spec.begin(partial(_look_up, outputs))
            arm = await _run(part, f"{name}, {spec.name}", own, number)
        except SteError as error:
            arm = Arm(part, f"{name}, {spec.name}", ArmEvidence(problems=[f"could not be run: {error}"]), own)
        if not arm.evidence.problems:
            outputs[f"{spec.name}.run"] = str(own)
        arms.append(arm)
    return arms


def _look_up(outputs: Mapping[str, str], name: str) -> str:
    """The output of an earlier part. Raises `RunError` if that was not run."""
    if name not in outputs:
        raise RunError(f"it needs the results of `{name.partition('.')[0]}`, which was not run")
    return outputs[name]


async def _run(workflow: Workflow, name: str, folder: Path, part: int = 0) -> Arm:
    if not any(spec.prompts for spec in workflow.nodes.values()):
        # Such a workflow trains or counts, which may take hours and shows nothing to a model.
        nothing = ArmEvidence(problems=["no node has a prompt, so that there is nothing to look at"])
        return Arm(workflow, name, nothing, folder)
    script = Script(canaries=Canaries(first=part * PART))
    watch = Watch(workflow, script)
    try:
        own = with_stand_ins(workflow, script, folder)
        # It looks at one step of a unit after another; waves come to the same in whichever order their passes run.
        has_waves = any(isinstance(each, Repeat | Map) and each.parallel is not None for each, _ in walk(own.blocks))
        compile_unit = WalkedGraph if has_waves else None
        # One unit after another, so that a proof says the same each time.
        summary = await execute(own, folder, watcher=watch, concurrency=1, compile_unit=compile_unit)
    except SteError as error:
        watch.evidence.problems.append(f"could not be run: {error}")
    else:
        watch.evidence.problems += [f"the unit `{unit}` failed: {why}" for unit, why in summary.failed.items()]
    return Arm(workflow, name, watch.evidence, folder)


def with_stand_ins(workflow: Workflow, script: Script, folder: Path, passes: int = PASSES) -> Workflow:
    """The workflow with a substitute model and tools, few passes, and memories that are in `folder`."""
    unit_map = workflow.unit_map
    if unit_map is not None:
        unit_map = replace(unit_map, bound=min(unit_map.bound or UNITS, UNITS))
    return replace(
        workflow,
        unit_map=unit_map,
        blocks=_with_few_passes(workflow.blocks, passes),
        models={name: CanaryModel(script=script) for name in workflow.models},
        tools=(CanaryTools(script),),
        memories={name: _at_hand(spec, folder) for name, spec in workflow.memories.items()},
        allow=(),
        limits={},
        budget={},
        cassette=None,
        reset=None,
    )


def _with_few_passes(blocks: Sequence[Block], passes: int) -> tuple[Block, ...]:
    few: list[Block] = []
    for block in blocks:
        match block:
            case Repeat(do=do):
                holds = any(isinstance(each, Repeat) and _makes_records(each.do) for each, _ in walk(do))
                few.append(replace(_shorten(block, AROUND if holds else passes), do=_with_few_passes(do, passes)))
            case Map(do=do, bound=bound):
                few.append(replace(block, do=_with_few_passes(do, passes), bound=min(bound or ITEMS, ITEMS)))
            case When(do=do, otherwise=otherwise):
                few.append(
                    replace(block, do=_with_few_passes(do, passes), otherwise=_with_few_passes(otherwise, passes))
                )
            case _:
                few.append(block)
    return tuple(few)


def _shorten(block: Repeat, most: int) -> Repeat:
    """The loop with few passes; where they run side by side, with few waves, unless one wave is all there is."""
    if block.parallel is None or count_in_turn(block) == 1:
        return replace(block, bound=min(block.bound, most))
    return replace(block, bound=min(block.bound, 2 * most), parallel=replace(block.parallel, width=2))


def _makes_records(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, RecordBlock) for block, _ in walk(blocks))


def _at_hand(spec: MemorySpec, folder: Path) -> MemorySpec:
    """The memory in `folder`, with words for vectors; one of an earlier run is read where it is."""
    memory = spec.memory
    if spec.of in (None, VALUES, EARLIER_RUN):
        return spec
    if spec.lives == "forever" and hasattr(memory, "model_copy"):
        elsewhere: Mapping[str, Any] = {"path": str(folder.parent / f"{folder.name}.{spec.name}"), "url": None}
        memory = memory.model_copy(update={key: value for key, value in elsewhere.items() if hasattr(memory, key)})
    return replace(spec, memory=_Opened(memory))


@dataclass(frozen=True)
class _Opened:
    """A memory of records that is opened with an embedder which needs no weights, if it takes one."""

    memory: Any

    def open(self, name: str, folder: Path, *, lasting: bool) -> Any:
        takes = "embedder" in inspect.signature(self.memory.open).parameters
        options = {"embedder": WordEmbedder()} if takes else {}
        return self.memory.open(name, folder, lasting=lasting, **options)
