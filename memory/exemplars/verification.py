"""The check that exemplars still hold: those of a changed tool are tried again, if that is harmless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import VERIFIED, Tool
from ste_graph.distil.example import Definition
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.records import StepObservation, TrialStep
from ste_graph.tools.fingerprint import fingerprint
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.toolbox import Toolbox


@dataclass(slots=True)
class Verification:
    """The outcome of a verification, by the ids of the exemplars."""

    unchanged: int = 0
    """Exemplars of tools that are as they were."""
    revived: list[str] = field(default_factory=list)
    """Tried again under the new definition, and they hold."""
    broken: list[str] = field(default_factory=list)
    """Tried again, and they no longer hold: stale."""
    untried: list[str] = field(default_factory=list)
    """Of a changed tool that does more than read, so that they cannot be tried: stale."""
    gone: list[str] = field(default_factory=list)
    """Of a tool that is no longer there: stale."""
    marked: list[str] = field(default_factory=list)
    """Made stale because their tool has changed, nothing having been tried."""
    explore: list[str] = field(default_factory=list)
    """The tools that are there and have stale exemplars, sorted: what exploration should look at again."""


def mark_changed(store: ExemplarStore, tools: Sequence[Tool]) -> Verification:
    """Mark stale what was made under another definition of one of `tools`. Nothing is called."""
    now = {tool.name: fingerprint(tool) for tool in tools}
    exemplars = store.exemplars()
    changed = [
        exemplar.id
        for exemplar in exemplars
        if not exemplar.stale and now.get(exemplar.tool, exemplar.fingerprint) != exemplar.fingerprint
    ]
    store.mark_stale(changed)
    stale = [exemplar for exemplar in exemplars if exemplar.stale or exemplar.id in {*changed}]
    return Verification(
        unchanged=len(exemplars) - len(stale),
        marked=changed,
        explore=sorted({exemplar.tool for exemplar in stale if exemplar.tool in now}),
    )


async def verify_exemplars(
    store: ExemplarStore, tools: Sequence[Tool], policy: ToolPolicy | None = None
) -> Verification:
    """Compare every exemplar with the tools as they are now, and try those of changed tools again.

    Only tools whose effect is `read` are called, with the calls that had succeeded. An exemplar holds if they succeed
    again: it then carries the new fingerprint and what the calls return now; its answer stays only if that is the same.
    """
    box = Toolbox(tools, policy)
    now = {name: fingerprint(tool) for name, tool in box.tools.items()}
    result = Verification()
    changed: list[Exemplar] = []
    for exemplar in store.exemplars():
        if exemplar.tool in now and exemplar.fingerprint == now[exemplar.tool] and not exemplar.stale:
            result.unchanged += 1
        elif not exemplar.tools <= now.keys():
            result.gone.append(exemplar.id)
            changed.append(exemplar.model_copy(update={"stale": True}))
        elif any(box.tools[name].effect != "read" for name in exemplar.tools):
            # A definition that came back makes the exemplar true again without a call.
            same = exemplar.fingerprint == now[exemplar.tool]
            (result.revived if same else result.untried).append(exemplar.id)
            changed.append(exemplar.model_copy(update={"stale": not same}))
        else:
            again = await _try_again(exemplar, box, now[exemplar.tool])
            (result.revived if again else result.broken).append(exemplar.id)
            changed.append(again or exemplar.model_copy(update={"stale": True}))
    await store.aadd(changed)
    result.explore = sorted({exemplar.tool for exemplar in changed if exemplar.stale and exemplar.tool in now})
    return result


async def _try_again(exemplar: Exemplar, box: Toolbox, now: str) -> Exemplar | None:
    """The exemplar with what its calls return now; None if they fail."""
    steps: list[TrialStep] = []
    shown = exemplar.shown_calls
    for step in shown:
        seen = await box.call(step.action or "", step.arguments or {})
        steps.append(step.model_copy(update={"observation": StepObservation.of(seen.model_dump())}))
        if not seen.ok or seen.doubt:
            return None
    tool = box.tools[steps[-1].action or ""]
    definition = Definition(name=tool.name, description=tool.description, parameters=dict(tool.parameters))
    gates, serving = exemplar.check_calls(exemplar.query, steps, definition)
    if not {*VERIFIED} <= {*gates}:
        return None
    same = [step.observation for step in steps] == [step.observation for step in shown]
    kept = [gate for gate in exemplar.verified if gate not in gates and same]
    return exemplar.model_copy(
        update={
            "calls": exemplar.calls if same else steps,
            "serving": exemplar.serving if same else serving,
            "answer": exemplar.answer if same else None,
            "verified": (*gates, *kept),
            "fingerprint": now,
            "stale": False,
        }
    )
