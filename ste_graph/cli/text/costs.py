"""The costs of a run: money, replies of models that replaced others, and the price of an example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.finished import FinishedRun, is_run, open_run
from ste_graph.models.prices import money_text
from ste_graph.run.summary import Summary
from ste_graph.text import count_noun, first_lines


@dataclass(frozen=True, slots=True)
class ExampleCost:
    """The cost of the examples of a run, with the trials that they were made of."""

    examples: int
    model_calls: int
    tokens: int
    money: float | None
    """None unless all models that were asked have prices."""
    currency: str
    missing: tuple[str, ...] = ()
    """The runs of the trials that are not there any more."""

    def to_json(self) -> dict[str, Json]:
        """The cost of one example, for other programs."""
        each = {"model_calls": self.model_calls / self.examples, "tokens": self.tokens / self.examples}
        money = None if self.money is None else self.money / self.examples
        return {"examples": self.examples, **each, "money": money, "currency": self.currency or None}

    @property
    def text(self) -> str:
        """The cost of one example, for a person."""
        calls = f"{self.model_calls / self.examples:,.1f} model calls"
        tokens = f", {self.tokens / self.examples:,.0f} tokens" if self.tokens else ""
        money = "" if self.money is None else f", {money_text(self.money / self.examples, self.currency)}"
        how = f"without exploring: {', '.join(self.missing)} is not there" if self.missing else "exploring included"
        return f"{calls}{tokens}{money} ({how})"


def cost_of_examples(run: FinishedRun) -> ExampleCost | None:
    """The cost of the examples of a run, or of its parts, or None if it has no examples."""
    counted: dict[Path, Summary] = {}
    missing: list[str] = []
    examples = 0
    for part in (run, *run.sub_runs):
        summary = part.summary()
        if not (own := summary.records["example"]):
            continue
        examples += own
        counted[part.path.resolve()] = summary
        for source in map(Path, part.lock.get("explored") or ()):
            if is_run(source):
                counted[source.resolve()] = open_run(source).summary()
            else:
                missing.append(source.name)
    if not examples:
        return None
    used = [summary.used for summary in counted.values()]
    priced = all(summary.prices for summary in counted.values() if summary.used.model_calls)
    return ExampleCost(
        examples,
        sum(own.model_calls for own in used),
        sum(own.prompt_tokens + own.completion_tokens for own in used),
        sum(summary.money or 0.0 for summary in counted.values()) if priced else None,
        next((summary.currency for summary in counted.values() if summary.prices), ""),
        tuple(missing),
    )


def cost_rows(summary: Summary, examples: ExampleCost | None) -> Iterator[tuple[str, str]]:
    """The rows of a summary about cost; none for what there is nothing to say of."""
    if summary.money is not None:
        yield "money", money_text(summary.money, summary.currency)
    if examples is not None:
        yield "per example", examples.text
    for pair, count in summary.fallbacks.items():
        by, _, asked = pair.partition(" for ")
        yield "fallback", f"{count_noun(count, 'reply')} by `{by}` in place of `{asked}`"


def stop_lines(summary: Summary, shown: int) -> list[str]:
    """The units that a budget left undone, and where each of them stopped."""
    if not summary.stopped:
        return []
    count = f"{len(summary.stopped)} of {count_noun(summary.units, 'unit')} not done for want of budget"
    lines = [f"  {unit}: {_place(record)}" for unit, record in summary.stopped.items()]
    head = f"{count}; running again with a larger one continues where they stopped:"
    return ["", head, *first_lines(lines, shown)]


def _place(record: dict[str, Json]) -> str:
    """The place where a unit stopped, and the reason."""
    return f"{'not begun' if record['step'] is None else record['step']}: {record['why']}"
