"""Budgets, prices and models that are asked in place of others: what is stated at models and in `budget:`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ste_graph.contracts import Json
from ste_graph.diagnostics import Span
from ste_graph.language.sections.models import SECTION
from ste_graph.language.sections.resolution import ResolvedEntry
from ste_graph.language.sections.setting_values import is_environment
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, Step, Tree
from ste_graph.language.workflow import ModelTerms, SubWorkflowSpec
from ste_graph.suggest import closest, list_choices

NUMBERS: Final = ("prices", "budget")
"""Settings of a model whose numbers environment variables may give; so may they in the section `budget`."""


def read_numbers(tree: MappingNode, findings: Findings) -> MappingNode:
    """The tree with the numbers that environment variables give in budgets and prices; its faults are reported."""
    models = tree.at([SECTION])
    names = models.entries if isinstance(models, MappingNode) else ()
    paths: list[list[Step]] = [["budget"]]
    paths += [[SECTION, name, key] for name in names for key in NUMBERS]
    for path in paths:
        value = tree.at(path)
        if isinstance(value, MappingNode):
            tree = tree.with_value(path, _read_numbers(value, findings))
    return tree


def _read_numbers(tree: Tree, findings: Findings) -> Tree:
    if not isinstance(tree, MappingNode):
        return tree
    if is_environment(tree):
        return ScalarNode(_read_number(tree, findings), tree.span)
    entries = {
        key: MappingEntry(entry.key_span, _read_numbers(entry.value, findings)) for key, entry in tree.entries.items()
    }
    return MappingNode(entries, tree.span)


def _read_number(tree: MappingNode, findings: Findings) -> Json:
    """The number in a variable, or its default; a text that is not a number is left as it is if it is a default."""
    stated: dict[str, Json] = tree.to_plain()
    name, default = stated["env"], stated.get("default")
    if not isinstance(name, str) or not name:
        findings.error("E503", "`env` must name a variable", tree.span_of(["env"]), expected="`{env: NAME}`")
        return None
    text = os.environ.get(name)  # an empty one counts as not set
    if not text:
        if default is None:
            message = f"the environment variable `{name}` is not set"
            findings.error("E504", message, tree.span_of(["env"]), help=f"run `export {name}=…` first")
        return default
    try:
        number = float(text)
    except ValueError:
        message = f"the environment variable `{name}` must be a number, but is {text!r:.40}"
        findings.error("E504", message, tree.span_of(["env"]))
        return None
    return int(number) if number.is_integer() else number


def read_terms(
    entries: Mapping[str, ResolvedEntry], owners: Mapping[str, str], faulty: Collection[str], findings: Findings
) -> dict[str, ModelTerms]:
    """The terms of each model. `owners` names, per copy of a model, the one that states its budget."""
    known = [*entries, *faulty]
    found: dict[str, ModelTerms] = {}
    for name, entry in entries.items():
        wiring = entry.wiring
        other: str | None = wiring.or_
        if other == name and "or" in entry.tree.entries and owners.get(f"{name}.or", name) != name:
            other = None  # it was copied from the model that this one is asked in place of
        if other is not None and other not in known:
            message, near = f"unknown model `{other}` in `or`", closest(other, known)
            expected = one_of([own for own in known if own != name], "another model defined in `models:`")
            findings.error("E216", message, entry.tree.span_of(["or"]), expected=expected, suggestion=near)
            other = None
        found[name] = ModelTerms(wiring.prices, wiring.budget, owners.get(f"{name}.budget", name), other)
    _report_circles(found, entries, findings)
    # A copy that is asked in place of the model whose budget it would share could never be asked.
    return {
        name: replace(terms, budget=None) if name in _chain(terms.owner, found)[1:] else terms
        for name, terms in found.items()
    }


def _report_circles(terms: Mapping[str, ModelTerms], entries: Mapping[str, ResolvedEntry], findings: Findings) -> None:
    """Report each circle of `or` once."""
    reported: set[str] = set()
    for start in terms:
        chain = _chain(start, terms)
        other = terms[chain[-1]].other if chain[-1] in terms else None
        if other is None or other in reported:
            continue
        circle = chain[chain.index(other) :]
        reported |= {*circle}
        way = ", whose `or` is ".join(f"`{name}`" for name in (*circle[1:], circle[0]))
        message = f"the `or` of model `{circle[0]}` is {way if len(circle) > 1 else 'the model itself'}"
        places = [(entries[name].tree.span_of(["or"], key=True), f"the `or` of `{name}`") for name in circle[1:]]
        span = entries[circle[0]].tree.span_of(["or"])
        help = "a copy (`like`) has the `or` of what it copies; `or: null` leaves it out"
        expected = "a last model without `or`"
        findings.error("E225", message, span, expected=expected, related=tuple(places), help=help)


def _chain(name: str, terms: Mapping[str, ModelTerms]) -> list[str]:
    """A model, and those that are asked in its place, in order; a circle ends before it would begin again."""
    found = [name]
    while (last := terms.get(found[-1])) is not None and last.other is not None and last.other not in found:
        found.append(last.other)
    return found


def with_fallbacks(asked: Iterable[str], terms: Mapping[str, ModelTerms]) -> list[str]:
    """The models that nodes ask, and those that may be asked in their place, each once."""
    names = dict.fromkeys(asked)
    for name in [*names]:
        names |= dict.fromkeys(_chain(name, terms))
    return list(names)


def check_budget(
    section: Tree | None,
    scopes: Collection[str],
    models: Mapping[str, ResolvedEntry],
    terms: Mapping[str, ModelTerms],
    asked: Collection[str],
    sub_workflows: Mapping[str, SubWorkflowSpec],
    findings: Findings,
) -> None:
    """Each `per` is a unit or a loop in it (`scopes`), and money is counted only where all prices are known."""
    per = section.at(["per"]) if section is not None else None
    for name, entry in per.entries.items() if isinstance(per, MappingNode) else ():
        if name not in scopes:
            message, near = f"unknown loop `{name}` in `budget.per`", closest(name, scopes)
            findings.error("E251", message, entry.key_span, expected=one_of(scopes, ""), suggestion=near)
    places = [(f"models.{name}.budget.money", models[name].tree.span_of(["budget", "money"], key=True))
              for name in asked if (budget := terms[name].budget) is not None and budget.money is not None]  # fmt: skip
    places = [*_money_places(section), *places]
    unpriced = [*_unpriced("", models, terms, asked), *_unpriced_parts(sub_workflows, "")]
    if places and unpriced:
        path, span = places[0]
        have = "has none" if len(unpriced) == 1 else "have none"
        message = f"`{path}` counts the prices of all models that are asked, and `{'`, `'.join(unpriced)}` {have}"
        expected = (
            "`prices: {input: …, output: …}` at the model, or at the one that it is like; 0 where it costs nothing"
        )
        findings.error("E253", message, span, expected=expected)
    currencies = {terms[name].prices.currency: name for name in asked if terms[name].prices is not None}  # type: ignore[union-attr]
    if len(currencies) > 1:
        named = list_choices([f"{currency} (`{name}`)" for currency, name in currencies.items()])
        span = models[next(iter(currencies.values()))].tree.span_of(["prices"], key=True)
        findings.error("E253", f"the prices of the models are in several currencies: {named}", span, expected="one")


def _money_places(section: Tree | None) -> Iterator[tuple[str, Span]]:
    """The limits of money in `budget:`, each with its path."""
    if not isinstance(section, MappingNode):
        return
    if section.at(["money"]) is not None:
        yield "budget.money", section.span_of(["money"], key=True)
    per = section.at(["per"])
    for name in per.entries if isinstance(per, MappingNode) else ():
        if section.at(["per", name, "money"]) is not None:
            yield f"budget.per.{name}.money", section.span_of(["per", name, "money"], key=True)


def _unpriced(
    prefix: str, models: Mapping[str, ResolvedEntry], terms: Mapping[str, ModelTerms], asked: Collection[str]
) -> list[str]:
    """The models without prices; one that gives recorded or simulated replies needs none."""
    return [
        f"{prefix}{name}"
        for name in asked
        if terms[name].prices is None and getattr(models[name].settings, "sampling", True)
    ]


def _unpriced_parts(sub_workflows: Mapping[str, SubWorkflowSpec], prefix: str) -> Iterator[str]:
    for name, sub in sub_workflows.items():
        workflow, own = sub.workflow, f"{prefix}{name}."
        for model in workflow.asked_models:
            if workflow.terms[model].prices is None and getattr(workflow.models[model], "sampling", True):
                yield f"{own}{model}"
        yield from _unpriced_parts(workflow.sub_workflows, own)
