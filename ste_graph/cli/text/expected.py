"""The expected use of a run, and the terms on which its models are asked, as text of `ste plan`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ste_graph.contracts import Json
from ste_graph.models.meter import limits_by_path
from ste_graph.models.prices import money_text
from ste_graph.text import align_columns, count_noun

if TYPE_CHECKING:
    from ste_graph.lab.estimate import Estimate
    from ste_graph.language.workflow import Workflow


def expected_lines(estimate: Estimate | None, folder: Path) -> list[str]:
    """The estimate for a person; without one, how to get it."""
    if estimate is None:
        return [f"expected: not known before a run in {folder}, or another one (--sample RUN)"]
    models = ", ".join(estimate.models) or "no model"
    head = f"expected, from {estimate.sample} ({estimate.done} of {count_noun(estimate.units, 'unit')} done, {models})"
    rows = [*_rows(estimate, ""), _row("in all", estimate)]
    columns = ["", "model calls", "prompt tokens", "of these cached", "reply tokens", "time", "money"]
    table = align_columns([columns, *rows])
    left = [f"not counted, as the sample has no step of them: {', '.join(estimate.new)}"] if estimate.new else []
    return [head, *table, *left]


def terms_lines(workflow: Workflow) -> list[str]:
    """The prices, own budgets and substitutes of the models that are asked, and the budget; nothing where none is."""
    terms = list(_terms(workflow, ""))
    limits = limits_by_path(workflow.budget)
    budget = [f"budget: {', '.join(f'{name} {limit:,g}' for name, limit in limits.items())}"] if limits else []
    return [*terms, *budget]


def terms_json(workflow: Workflow) -> dict[str, Json]:
    """The same for other programs, by the name of the model."""
    found: dict[str, Json] = {}
    for name in workflow.asked_models:
        terms = workflow.terms.get(name)
        found[name] = {
            "label": workflow.models[name].label,
            "prices": terms and terms.prices and terms.prices.model_dump(),
            "budget": terms and terms.budget and terms.budget.model_dump(exclude_none=True),
            "or": terms and terms.other,
        }
    for part in workflow.sub_workflows.values():
        found |= {f"{part.name}.{name}": own for name, own in terms_json(part.workflow).items()}
    return found


def _terms(workflow: Workflow, prefix: str) -> Iterator[str]:
    for name in workflow.asked_models:
        terms = workflow.terms.get(name)
        if terms is None or (terms.prices, terms.budget, terms.other) == (None, None, None):
            continue
        prices = [terms.prices.describe()] if terms.prices else []
        limits = limits_by_path(terms.budget.model_dump(exclude_none=True)) if terms.budget else {}
        own = [f"at most {', '.join(f'{limit:,g} {key}' for key, limit in limits.items())}"] if limits else []
        other = [f"or `{terms.other}`"] if terms.other else []
        yield f"{prefix}{name}: {', '.join([workflow.models[name].label, *prices, *own, *other])}"
    for part in workflow.sub_workflows.values():
        yield from _terms(part.workflow, f"{prefix}{part.name}.")


def _rows(estimate: Estimate, above: str) -> Iterator[list[str]]:
    for name, part in estimate.parts.items():
        yield _row(f"{above}{name}", part)
        yield from _rows(part, f"{above}{name}.")


def _row(name: str, estimate: Estimate) -> list[str]:
    from ste_graph.cli.text.progress import clock_text

    money = "-" if estimate.money is None else money_text(estimate.money, estimate.currency)
    counts = (estimate.model_calls, estimate.prompt_tokens, estimate.cached_tokens, estimate.completion_tokens)
    return [name, *(f"{count:,.0f}" for count in counts), clock_text(estimate.time_s), money]
