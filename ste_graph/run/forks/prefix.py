"""The steps of a unit before a point, as another arm takes them over from the log of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ste_graph.compile.flow import Flow, Vertex
from ste_graph.compile.stepper import LoopEnd, StepKey, Wave
from ste_graph.compile.transfer import Router
from ste_graph.compile.waves import entered_waves
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.language.blocks import NodeBlock, RecordBlock
from ste_graph.run.forks.fork_point import ForkPoint, read_step_key
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.memories import memory_scope
from ste_graph.run.unit.reset import entered_pass
from ste_graph.run.unit.unit_run import UnitRun
from ste_graph.tools.toolbox import NEVER_CALLED

START = "START"
"""The key under which loops are logged that ended before the first step."""


class ForkError(WorkflowError):
    """An arm cannot go on from the point: the steps before it would not be the same."""


@dataclass(slots=True)
class Prefix:
    """The steps before the point."""

    steps: list[LoggedStep] = field(default_factory=list)
    ends: dict[str, Sequence[LoopEnd]] = field(default_factory=dict)
    """The loops that ended after a step, by its key."""
    waves: dict[Wave, bool] = field(default_factory=dict)
    """The waves of the steps, in the order in which they begin; True for one that ends before the point."""
    next_step: str = ""
    """The key of the first step that the new run makes."""
    is_reset: bool = False
    """True if `reset:` brings the tools to the state that they had at the point."""
    left_out: Counter[str] = field(default_factory=Counter)
    """The number of steps of each node, off in the new arm, that are not taken over."""

    def write(self, log: StepLog) -> None:
        """Write the steps into the log of the new run."""
        for wave in self.waves:
            log.begin_wave(wave)
        self._end_loops(START, log)
        for step in self.steps:
            log.add_step(step)
            self._end_loops(step.key, log)
        for wave, has_ended in self.waves.items():
            if has_ended:
                log.end_wave(wave)

    def _end_loops(self, key: str, log: StepLog) -> None:
        if ends := self.ends.get(key):
            log.end_loops(key, [(end.loop, end.passes, end.reason) for end in ends])


class PrefixReader:
    """Walks the graph of an arm over the steps that another run logged, up to a point.

    `transcripts` says in which transcript each node of that run spoke, and `changing` which tools do more than read.
    """

    def __init__(
        self, flow: Flow, point: ForkPoint, transcripts: Mapping[str, str | None], changing: Collection[str]
    ) -> None:
        self._changing = changing
        self._flow = flow
        self._point = point
        self._transcripts = transcripts

    def read(self, unit: str, item: Json, log: StepLog) -> Prefix:
        """The prefix of one unit. Raises `ForkError` where the arm would not come to the point by the same steps."""
        flow, prefix = self._flow, Prefix()
        numbers = {key: number for number, key in enumerate(log.finished)}
        last = -1
        state = flow.initial_state(item)
        moved = Router.transfer(flow, flow.start, state)
        prefix.ends[START] = moved.loop_ends
        state |= moved.update
        while moved.goto is not None and self._point.order(state) < 0:
            vertex = flow.vertices[moved.goto]
            key = str(StepKey(vertex.id, tuple((loop, state[loop]) for loop in vertex.loops)))
            number = numbers.get(key)
            if number is None or number < last:
                raise self._describe_difference(key, last, log)
            step = self._take(vertex, log.finished[key], unit, state)
            prefix.steps.append(step)
            prefix.waves |= dict.fromkeys(entered_waves(flow, state), True)
            given = UnitRun.channel_updates(flow, vertex, step, state)
            moved = Router.advance(flow, vertex, state, given)
            prefix.ends[key] = moved.loop_ends
            state |= moved.update
            last = number
        if moved.goto is None or self._point.order(state) > 0:
            raise self._describe_end(log)
        prefix.waves |= {wave: False for wave in entered_waves(flow, state) if wave in prefix.waves}
        vertex = flow.vertices[moved.goto]
        prefix.next_step = str(StepKey(vertex.id, tuple((loop, state[loop]) for loop in vertex.loops)))
        self._leave_out(prefix, log)
        if (reset := flow.workflow.reset) is not None:
            self._check_effects(prefix, reset.before, entered_pass(flow, reset.before, state))
        return prefix

    def _check_effects(self, prefix: Prefix, before: str, entered: Mapping[str, Json] | None) -> None:
        """Refuse a point within a pass that a reset begins, if calls of that pass cannot be made again."""
        if entered is None:
            return
        prefix.is_reset = True
        for step in prefix.steps:
            counters = read_step_key(step.key)[1]
            if any(counters.get(loop) != number for loop, number in entered.items()):
                continue
            called = [name for name, kind in step.calls if kind not in NEVER_CALLED and name in self._changing]
            if len(called) > len(step.effects):
                raise ForkError(
                    f"`reset:` begins each `{before}`, and the step `{step.key}` before the "
                    f"point called `{called[0]}`, which would have to be called again; that run, without `reset:`, "
                    "did not log with what. Fork where such a pass begins"
                )

    def _take(self, vertex: Vertex, step: LoggedStep, unit: str, state: Mapping[str, Json]) -> LoggedStep:
        """The step as the new arm has it: a record is in the memories of this arm, as long as they keep it."""
        workflow = self._flow.workflow
        if isinstance(vertex.block, RecordBlock):
            memories = {name: spec for name, spec in workflow.memories.items() if spec.of == vertex.block.record}
            return replace(
                step, scopes={name: memory_scope(spec, self._flow, unit, state) for name, spec in memories.items()}
            )
        expected = workflow.nodes[vertex.block.node].outputs.model_fields.keys()
        if step.outputs.keys() != expected:
            raise ForkError(
                f"the step `{step.key}` has the outputs {', '.join(step.outputs)}, but under this arm "
                f"`{vertex.block.node}` has {', '.join(expected)}"
            )
        return replace(step, messages=list(step.messages), effects=list(step.effects))

    def _leave_out(self, prefix: Prefix, log: StepLog) -> None:
        """Leave out the steps of nodes that are off; what they said stays in their transcript."""
        taken = {step.key: number for number, step in enumerate(prefix.steps)}
        passed = 0
        for key, step in log.finished.items():
            name, counters = read_step_key(key)
            if self._point.order(counters) >= 0:
                break
            if key in taken:
                passed = taken[key] + 1
                continue
            node = name.partition("~")[0]
            if node not in self._flow.workflow.off:
                raise ForkError(f"the step `{key}` ran before the point, and would not run under this arm")
            prefix.left_out[node] += 1
            if step.effects:
                self._keep_effects(prefix, step, passed)
            if step.messages:
                self._keep_messages(prefix, step, self._transcripts.get(node), passed)

    def _keep_effects(self, prefix: Prefix, step: LoggedStep, passed: int) -> None:
        """Add the calls of a step that is left out to the nearest step of its pass: they count in the tools' state."""
        reset = self._flow.workflow.reset
        if reset is None:
            return
        here = entered_pass(self._flow, reset.before, read_step_key(step.key)[1])

        def shares_pass(other: LoggedStep) -> bool:
            return entered_pass(self._flow, reset.before, read_step_key(other.key)[1]) == here

        if passed and shares_pass(before := prefix.steps[passed - 1]):
            before.effects.extend(step.effects)
        elif passed < len(prefix.steps) and shares_pass(after := prefix.steps[passed]):
            after.effects[:0] = step.effects
        elif here is not None and all(self._point.passes.get(loop) == number for loop, number in here.items()):
            raise ForkError(f"the step `{step.key}` changed what tools hold, and no step of this arm corresponds to it")

    def _keep_messages(self, prefix: Prefix, step: LoggedStep, transcript: str | None, passed: int) -> None:
        """Add the messages of a step that is left out to the nearest step with the same transcript, in the same pass.

        `passed` of the steps that are taken over came before it.
        """
        memory = self._flow.workflow.memories.get(transcript or "")
        if memory is None or memory.of is not None:
            return
        heads = self._flow.heads
        loops = (*heads[memory.lives].around, memory.lives) if memory.lives in heads else ()
        here = [read_step_key(step.key)[1].get(loop) for loop in loops]

        def speaks(other: LoggedStep) -> bool:
            name, counters = read_step_key(other.key)
            block = self._flow.vertices[name].block
            if not isinstance(block, NodeBlock) or [counters.get(loop) for loop in loops] != here:
                return False
            return self._flow.workflow.nodes[block.node].transcript == transcript

        before = next((other for other in reversed(prefix.steps[:passed]) if speaks(other)), None)
        if before is not None:
            before.messages += step.messages
        elif (after := next((other for other in prefix.steps[passed:] if speaks(other)), None)) is not None:
            after.messages[:0] = step.messages
        elif all(self._point.passes.get(loop) == count for loop, count in zip(loops, here, strict=True)):
            raise ForkError(f"what the step `{step.key}` said is in `{transcript}`, where no step of this arm spoke")

    def _describe_difference(self, key: str, last: int, log: StepLog) -> ForkError:
        """The reason why the arm wants a step that the log does not have there."""
        if last == len(log.finished) - 1:
            return self._describe_end(log)
        node, rest = read_step_key(key)[0].partition("~")[0], list(log.finished)[last + 1]
        if not any(read_step_key(other)[0].partition("~")[0] == node for other in log.finished):
            return ForkError(f"under this arm `{node}` runs before the point, which it never did in that run: `{key}`")
        return ForkError(f"under this arm the step `{key}` comes before the point, where that run made `{rest}`")

    def _describe_end(self, log: StepLog) -> ForkError:
        """The reason why the point is not there, and what is."""
        *outer, (loop, wanted) = self._point.passes.items()
        around = dict(outer)
        there = [read_step_key(key)[1] for key in log.finished]
        inside = [found for found in there if all(found.get(name) == number for name, number in around.items())]
        passes = sorted({number for found in inside if (number := found.get(loop)) is not None})
        where = f" in {', '.join(f'{name} {number}' for name, number in outer)}" if outer else ""
        if wanted in passes:
            return ForkError(f"under this arm, {loop} {wanted}{where} does not begin")
        has = f"it has {passes[0]} to {passes[-1]}" if passes else f"it has no pass of `{loop}` there"
        if log.done:
            return ForkError(f"there is no {loop} {wanted}{where} in that run; {has}")
        return ForkError(
            f"{loop} {wanted}{where} is beyond the log of that run, which is not complete; {has}. "
            "Continue that run first, or fork it at an earlier point"
        )
