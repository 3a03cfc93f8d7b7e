"""Tools that failed for want of a value that exists, and why none was known for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ste_graph.contracts import Json
from ste_graph.finished import FinishedRun
from ste_graph.registry import load_entry_point

MEMORY, USE = "memory", "values"


def missing_value_lines(run: FinishedRun) -> list[str]:
    """For each tool of which no call succeeded, why no identifier was known that it must be given; and what to do."""
    found = [line for part in (run, *run.sub_runs) for line in _part_lines(part)]
    if not found:
        return []
    return [
        "no call succeeded, and no value that exists was known:",
        *found,
        "  say in a parameter's name or description whose it is (`order_id`), or give values (`given:` of the memory)",
    ]


def _part_lines(run: FinishedRun) -> Iterator[str]:
    workflow: Mapping[str, Json] = (run.lock.get("resolved") or {}).get("workflow") or {}
    for name, entry in (workflow.get("memory") or {}).items():
        folder = run.path / MEMORY / name
        waves = [int(file.stem.removeprefix("wave-")) for file in folder.glob("wave-*.json")]
        if not waves or not isinstance(entry, Mapping) or entry.get("use") != USE:
            continue
        pool = load_entry_point("memories", USE)(given=entry.get("given") or {}).open(name, folder)
        pool.begin_wave(max(waves), [])
        for tool, schema in (run.lock.get("schemas") or {}).items():
            plain = {"name": tool, "description": run.lock["descriptions"].get(tool) or "", "parameters": schema}
            reasons = pool.explain_missing(plain) if tool in run.lock["units"] else {}
            if reasons and not _has_success(run, tool):
                yield from (f"  {tool}.{parameter}: {why}" for parameter, why in reasons.items())


def _has_success(run: FinishedRun, tool: str) -> bool:
    """True if any call of a tool gave a result, or none was tried."""
    trials = [kept.trial for kept in run.each_trial(tool)]
    return not trials or any(
        step.action == tool and step.observation is not None and step.observation.ok
        for trial in trials
        for step in trial.steps
    )
