"""Do the exemplars still hold? Those of a tool whose definition has changed are tried again, where that is harmless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import Tool
from ste_graph.memory.exemplars.exemplar import Exemplar, gates_passed
from ste_graph.memory.exemplars.rendering import shown_calls
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.records import Seen, Step
from ste_graph.tools.fingerprint import fingerprint
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.toolbox import Toolbox


@dataclass(slots=True)
class Verified:
    """What became of the exemplars, by id."""

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
    """The tools of which something is stale and that are there, sorted: what exploration should look at again."""


def mark_changed(store: ExemplarStore, tools: Sequence[Tool]) -> Verified:
    """Mark stale what was made under another definition of one of `tools`. Nothing is called."""
    now = {tool.name: fingerprint(tool) for tool in tools}
    exemplars = store.exemplars()
    changed = [one.id for one in exemplars if not one.stale and now.get(one.tool, one.fingerprint) != one.fingerprint]
    store.mark_stale(changed)
    stale = [one for one in exemplars if one.stale or one.id in {*changed}]
    return Verified(
        unchanged=len(exemplars) - len(stale),
        marked=changed,
        explore=sorted({one.tool for one in stale if one.tool in now}),
    )


async def verify(store: ExemplarStore, tools: Sequence[Tool], policy: ToolPolicy | None = None) -> Verified:
    """Compare every exemplar with the tools as they are now, and try those of changed tools again.

    Only tools whose effect is `read` are called, with the calls that had succeeded. An exemplar holds if they succeed
    again: it then carries the new fingerprint and what the calls give now; its answer stays only if that is the same.
    """
    box = Toolbox(tools, policy)
    now = {name: fingerprint(tool) for name, tool in box.tools.items()}
    became = Verified()
    changed: list[Exemplar] = []
    for one in store.exemplars():
        if one.tool in now and one.fingerprint == now[one.tool] and not one.stale:
            became.unchanged += 1
        elif not one.tools <= now.keys():
            became.gone.append(one.id)
            changed.append(one.model_copy(update={"stale": True}))
        elif any(box.tools[name].effect != "read" for name in one.tools):
            # A definition that came back makes the exemplar true again without a call.
            same = one.fingerprint == now[one.tool]
            (became.revived if same else became.untried).append(one.id)
            changed.append(one.model_copy(update={"stale": not same}))
        else:
            again = await _tried(one, box, now[one.tool])
            (became.revived if again else became.broken).append(one.id)
            changed.append(again or one.model_copy(update={"stale": True}))
    await store.aadd(changed)
    became.explore = sorted({one.tool for one in changed if one.stale and one.tool in now})
    return became


async def _tried(exemplar: Exemplar, box: Toolbox, now: str) -> Exemplar | None:
    """The exemplar with what its calls give now; None if they fail."""
    steps: list[Step] = []
    shown = shown_calls(exemplar)
    for step in shown:
        seen = await box.call(step.action or "", step.arguments or {})
        steps.append(step.model_copy(update={"observation": Seen(ok=seen.ok, kind=seen.kind, text=seen.text)}))
        if not seen.ok:
            return None
    gates = gates_passed(steps)
    if not {"format", "execution"} <= {*gates}:
        return None
    same = [step.observation for step in steps] == [step.observation for step in shown]
    kept = [gate for gate in exemplar.verified if gate not in gates and same]
    return exemplar.model_copy(
        update={
            "calls": exemplar.calls if same else steps,
            "answer": exemplar.answer if same else None,
            "verified": (*gates, *kept),
            "fingerprint": now,
            "stale": False,
        }
    )
