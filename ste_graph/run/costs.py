"""The cost of a run: money by the prices of its models, and seconds of work, read from its step logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ste_graph.contracts import Json, Usage
from ste_graph.errors import BudgetSpentError
from ste_graph.files.compressed import list_files
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import derive_id, now
from ste_graph.language.workflow import ModelTerms, Workflow
from ste_graph.models.meter import Budget, Meter
from ste_graph.models.prices import Prices, find_currency
from ste_graph.run.logs.usage_counts import UsageCounts


def all_terms(workflow: Workflow) -> dict[str, ModelTerms]:
    """The terms of each model that is asked, those of sub-workflows as `SUB.MODEL`."""
    own = {name: workflow.terms.get(name, ModelTerms()) for name in workflow.asked_models}
    subs = workflow.sub_workflows.values()
    inner = {f"{sub.name}.{name}": terms for sub in subs for name, terms in all_terms(sub.workflow).items()}
    return own | inner


def all_prices(workflow: Workflow) -> dict[str, Prices]:
    """The prices of each model that has some, those of sub-workflows as `SUB.MODEL`."""
    return {name: terms.prices for name, terms in all_terms(workflow).items() if terms.prices is not None}


def locked_prices(lock: Mapping[str, Json]) -> dict[str, Prices]:
    """The prices that the lock of a run holds: those of the last time that it was taken up."""
    return {name: Prices.model_validate(own) for name, own in (lock.get("prices") or {}).items()}


def money_spent(used: UsageCounts, prices: Mapping[str, Prices]) -> float:
    """The cost of the replies; those of models without prices cost nothing."""
    return sum(
        prices[name].price(prompt, completion, cached)
        for model, (_, prompt, cached, completion) in used.models.items()
        if (name := model.partition(" for ")[0]) in prices
    )


def open_meter(workflow: Workflow, parent: Meter | None, part: str = "") -> Meter:
    """The meter of a run of the workflow, which is a part of what `parent` counts."""
    path = f"budget of `{part}`" if part else "budget"
    currency = find_currency(all_prices(workflow).values()) or "USD"
    return Meter(Budget.model_validate(dict(workflow.budget)), parent=parent, path=path, currency=currency)


def model_meters(workflow: Workflow, run: Meter) -> dict[str, Meter]:
    """The meter of each model with a budget of its own; copies of a model share that of the one that states it."""
    return {
        name: run.model(terms.owner, terms.budget, run.currency)
        for name in workflow.asked_models
        if (terms := workflow.terms.get(name)) is not None and terms.budget is not None
    }


def replay_usage(workflow: Workflow, meter: Meter, used: UsageCounts, prices: Mapping[str, Prices]) -> None:
    """Count what finished steps have used, by the run and by the models with a budget of their own."""
    meter.add_replayed(
        model_calls=used.model_calls,
        tool_calls=used.tool_calls,
        usage=used.usage,
        money=money_spent(used, prices),
    )
    for name, terms in all_terms(workflow).items():
        if terms.budget is None:
            continue
        own = meter.model(terms.owner, terms.budget, meter.currency)
        for model, (calls, prompt, cached, completion) in used.models.items():
            if model.partition(" for ")[0] == name:
                usage = Usage(prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion)
                own.add_replayed(
                    model_calls=calls, usage=usage, money=prices[name].price_of(usage) if name in prices else 0
                )


def stop_record(workflow: Workflow, unit: str, error: BudgetSpentError) -> dict[str, Json]:
    """The journal's record of a unit that a budget has stopped: where, and why."""
    at = now()
    id = derive_id(unit, "budget", error.step)
    place = {"step": error.step, "why": str(error), "started": at, "ended": at}
    return {"id": id, "record": "budget", workflow.unit: unit, **place}


def worked_s(run: Path) -> float:
    """The seconds during which at least one step of a run, or of a part of it, was under way."""
    return _covered(
        (line["started"], line["ended"])
        for path in list_files(run, "units/*.jsonl")
        for _, line in LineFile(path).numbered_lines()
        if line is not None and "key" in line and "started" in line
    )


def seconds_between(started: str, ended: str) -> float:
    """The seconds between two times as a run writes them."""
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def _covered(intervals: Iterable[tuple[str, str]]) -> float:
    """The seconds that are in at least one of the intervals."""
    total, begin, end = 0.0, "", ""
    for started, ended in sorted(intervals):
        if started > end:
            total += seconds_between(begin, end) if end else 0.0
            begin, end = started, ended
        else:
            end = max(end, ended)
    return total + (seconds_between(begin, end) if end else 0.0)
