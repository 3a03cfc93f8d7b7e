"""The stages of `make real`: each is one run of a bundled workflow, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / "workflows"
ALL = ("explore", "distil", "icl", "forced", "simulated", "lora", "continual", "gain")
FORMS: tuple[dict[str, Any], ...] = (
    {"name": "baseline"},
    {"name": "exemplars", "exemplars": "nearest"},
    {"name": "shuffled", "exemplars": "shuffled"},
    {"name": "lessons", "lessons": True},
    {"name": "guideline", "guideline": True},
    {"name": "descriptions", "descriptions": True},
)
"""The arms of the stage `gain`: each form of learning, and a placebo as long as the longest."""
JUDGED = 4
"""Trials a tool that the judge is asked about."""
AT_ONCE = "3"
"""Requests at once: a server on two cores is busy with three, and one with more slots finds what each has in common."""
QUICK = ("explore", "distil", "simulated")
NODES = {
    "call_first": {"devise": "explorer", "imagine": "actor", "call": "actor", "reflect": "actor"},
    "distil": {"judge": "judge"},
    "icl": {"answer": "learner"},
}
"""The nodes of a workflow whose real replies the pool has, and the model of each."""

EVERYDAY: dict[str, Any] = {
    "use": "python",
    "module": str(WORKFLOWS / "tools" / "everyday.py"),
    "settings": {"now": "2026-11-26T12:00:00Z"},
}
POOL_TOOLS = ["add_days", "convert_unit", "to_roman"]
TOOLS: dict[str, list[dict[str, Any]]] = {
    "everyday": [EVERYDAY],
    "quick": [{**EVERYDAY, "include": POOL_TOOLS}],
    "other": [
        {"use": "python", "module": str(WORKFLOWS / "tools" / "orders.py")},
        {"use": "python", "module": str(ROOT / "tests" / "real" / "other_tools.py")},
    ],
}
"""`everyday` are those that prompts were tuned on, `other` those that nothing was tuned on."""


@dataclass(frozen=True)
class Size:
    """The amount of work: `episodes` times `trials` a tool, and up to `cases` held-out requests a tool in each arm."""

    tools: str
    episodes: int
    trials: int
    cases: int

    @property
    def per_tool(self) -> int:
        return self.episodes * self.trials


@dataclass(frozen=True)
class Stage:
    """One run: a bundled workflow, its variant, and what is set in it."""

    name: str
    part: str
    """The part of `make real` that it belongs to, one of `ALL`."""
    workflow: str
    changes: Mapping[str, Any]
    variant: str | None = None
    after: tuple[str, ...] = field(default=())
    """The stages whose runs it reads."""

    def command(self, ste: Path, out: Path) -> list[str]:
        """The command line that starts it, or takes it up."""
        sets = [f"--set={path}={json.dumps(value)}" for path, value in self.changes.items()]
        variant = [f"--variant={self.variant}"] if self.variant else []
        file = str(WORKFLOWS / f"{self.workflow}.yaml")
        return [str(ste), "run", file, *variant, *sets, "--concurrency", AT_ONCE, "--out", str(out / self.name)]


def plan_stages(parts: tuple[str, ...], size: Size, seed: int, out: Path, weights: str) -> list[Stage]:
    """The stages of some parts, in their order. `weights` is the folder, or the name on the hub, that is trained."""
    tools = TOOLS[size.tools]
    exploring = {"seed": seed, "tools": tools, "params.episodes": size.episodes, "params.trials": size.trials}
    made = [Stage("explore", "explore", "call_first", exploring)]
    made += [_distil("distil", "distil", "explore", size, seed, out)]
    # The judge is the same model: it is asked about some of the trials, to say how far it agrees with the rules.
    some = replace(size, episodes=1, trials=min(JUDGED, size.per_tool))
    made += [_distil("judged", "distil", "explore", some, seed, out, judged=True)]
    made += [_icl("icl", "icl", ("explore", "distil"), size, seed, out)]
    made += [_icl("forced", "forced", ("explore", "distil"), size, seed, out, forced=True)]
    # Half of the kept trials are held out: three trials for each case that is wanted leave room for what is rejected.
    enough = replace(size, episodes=max(size.episodes, -(-3 * size.cases // size.trials)))
    simulated = exploring | {"params.episodes": enough.episodes, "params.turns": 4}
    made += [Stage("simulated-explore", "simulated", "quickstart", simulated)]
    made += [_distil("simulated-distil", "simulated", "simulated-explore", enough, seed, out, simulated=True)]
    made += [_icl("simulated-icl", "simulated", ("simulated-explore", "simulated-distil"), size, seed, out)]
    trained = {"nodes.rows.run": str(out / "distil"), "nodes.model.model": weights, "params.seeds": [seed]}
    made += _gain(size, seed, out)
    made += [Stage("lora", "lora", "finetune", trained, "lora", ("distil",))]
    made += [Stage("continual", "continual", "continual", trained, "lora", ("distil",))]
    return [stage for stage in made if stage.part in parts]


def record_pool(stage: Stage, pool: Path, tools: list[str], url: str, model: str) -> Stage:
    """The stage with its real replies added to a pool: each node asks a model of its own, which knows its name."""
    nodes = NODES.get(stage.workflow, {})
    if not nodes or stage.variant:
        return stage
    kind = {"use": "pool.RecordingPool", "base_url": url, "model": model, "pool": str(pool), "tools": tools}
    explorer = {"temperature": 1.0, "max_tokens": 360}
    sampling = {"explorer": explorer, "actor": {**explorer, "temperature": 0.2}, "judge": {"temperature": 0.0}}
    changes: dict[str, Any] = {"plugins": [str(ROOT / "tests" / "real" / "pool.py")]}
    for node, role in nodes.items():
        own = sampling.get(role, {"temperature": 0.0, "max_tokens": 256})
        changes |= {f"models.{node}": {**kind, **own, "node": node}, f"nodes.{node}.model": node}
    return replace(stage, changes={**stage.changes, **changes})


def _distil(
    name: str,
    part: str,
    explored: str,
    size: Size,
    seed: int,
    out: Path,
    *,
    simulated: bool = False,
    judged: bool = False,
) -> Stage:
    changes = {
        "seed": seed,
        "data.explored.run": str(out / explored),
        "params.trials": size.per_tool,
        "params.paraphrases": 0,
        "nodes.split.heldout": 0.5,
    }
    variant = "simulated" if simulated else None if judged else "no-judge"
    return Stage(name, part, "distil", changes, variant, (explored,))


def _gain(size: Size, seed: int, out: Path) -> list[Stage]:
    """The stages of `gain` after exploring: the requests for which no call is right too, and each form of learning."""
    kept = _distil("gain-distil", "gain", "explore", size, seed, out)
    kept = replace(kept, changes={**kept.changes, "params.restraint": True})
    training = {"data.training.run": str(out / kept.name), "data.training.explored": str(out / "explore")}
    sources = ("explore", kept.name)
    forms = [Stage(name, "gain", name, {"seed": seed, **training}, after=sources) for name in ("guideline", "describe")]
    asked = _icl("gain-icl", "gain", sources, size, seed, out)
    changes = {
        **asked.changes,
        "params.arms": list(FORMS),
        "data.guidelines.run": str(out / "guideline"),
        "data.descriptions.run": str(out / "describe"),
    }
    asked = replace(asked, changes=changes, after=(*sources, "guideline", "describe"))
    decided = {"seed": seed, "data.replies.runs": [str(out / asked.name)]}
    return [kept, *forms, asked, Stage("evaluate", "gain", "evaluate", decided, after=(asked.name,))]


def _icl(
    name: str, part: str, sources: tuple[str, str], size: Size, seed: int, out: Path, forced: bool = False
) -> Stage:
    explored, distilled = (str(out / source) for source in sources)
    placebo = [{"name": "shuffled", "exemplars": "shuffled"}] if size.tools != "quick" else []
    changes: dict[str, Any] = {
        "seed": seed,
        "params.cases": size.cases,
        "params.arms": [{"name": "baseline"}, {"name": "exemplars", "exemplars": "nearest"}, *placebo],
        "data.test.run": distilled,
        "memory.exemplars.from": distilled,
        "memory.experience.from": explored,
        "memory.experience.without": distilled,
    }
    if forced:
        changes |= {"nodes.answer.protocol": "json", "nodes.answer.inputs": {"tools": "offer.tools"}}
    return Stage(name, part, "icl", changes, after=sources)
