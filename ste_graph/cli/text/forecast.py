"""The forecast of a test of forms: how many cases there are likely to be, what they could show, and what it costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from ste_graph.contracts import Json
from ste_graph.inputs.kept import KeptTools
from ste_graph.lab.expected import CALLS_PER_TRIAL, EXPLORING_TOKENS, max_trials, read_prices
from ste_graph.language.sections.unions import rephrase
from ste_graph.stats import LEVEL, gain_power
from ste_graph.suggest import did_you_mean
from ste_graph.text import count_noun

if TYPE_CHECKING:
    from ste_graph.language.workflow import Workflow
    from ste_graph.plan import Plan

BASELINE: Final = 0.7
"""The share of right replies of the baseline for which the power is stated."""
CORRELATION: Final = 0.25
"""The correlation of the right replies of two arms: in tests of the small real model it was 0.0 and 0.5."""
CASES: Final = (15, 30, 60, 120, 240)
GAINS: Final = (0.1, 0.2, 0.3)
MOST_CASES: Final = 2_000
"""Cases from which the power is not computed, as it is one."""

KEPT: Final = (0.3, 0.6)
"""The share of trials that pass the gates and are no duplicates (0.48 and 0.54 of the small real model)."""
RESTRAINT: Final = 1.5
"""Cases in which no call is right for one in which one is: of two requests that are asked for, some are not made."""
REPLY_TOKENS: Final = 60
REQUEST_TOKENS: Final = 250
"""Tokens of the instructions and the request of a test, about."""
FORM_TOKENS: Final = 400
"""Tokens of one form of the learnt material, about."""
TOOL_TOKENS: Final = 120
"""Tokens of a tool's definition, about, where the tools are not known."""

Power = list[tuple[int, list[tuple[float, float]]]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The likely course of a workflow that explores, tests and decides. Pairs are a low and a high figure."""

    tools: int
    trials: int
    """Trials per tool."""
    kept_cases: int
    """Cases of a pack, about tools that are not explored again."""
    heldout: float
    cases: tuple[int, int]
    restraint: tuple[int, int]
    """Further cases, in which no call is right."""
    arms: int
    candidates: int
    replies: int
    calls: tuple[int, int]
    prompt_tokens: tuple[int, int]
    completion_tokens: tuple[int, int]
    price: tuple[float, float] | None
    currency: str | None

    def to_json(self) -> dict[str, Json]:
        return {name: list(own) if isinstance(own := getattr(self, name), tuple) else own for name in self.__slots__}

    def lines(self) -> list[str]:
        """The forecast for a person."""
        kept = f"{10 * KEPT[0]:.0f} to {10 * KEPT[1]:.0f} of 10 kept, {100 * self.heldout:.0f} % of them held out"
        each = count_noun(self.replies, "reply")
        test = f"{count_noun(self.arms, 'arm')} ({self.candidates} may be adopted), {each} a case"
        tokens = f"{_range(self.prompt_tokens)} prompt and {_range(self.completion_tokens)} reply tokens"
        price = "" if self.price is None else f", {self.price[0]:,.2f} to {self.price[1]:,.2f} {self.currency}"
        restraint = f", and {_range(self.restraint)} in which no call is right" if any(self.restraint) else ""
        cases = f"{_range(self.cases)}{restraint}"
        cases += f" ({self.kept_cases} are the pack's)" if self.kept_cases else ""
        return [
            "likely, by what small real models did (docs/results.md)",
            f"  cases  {cases}: {count_noun(self.tools, 'tool')} x {self.trials} trials, {kept}",
            f"  test   {test}",
            f"  cost   {_range(self.calls)} model calls, {tokens}{price}",
            *(f"  beware {fault}" for fault in self._faults()),
        ]

    def _faults(self) -> Iterator[str]:
        """The faults that leave nothing to decide."""
        if not self.cases[1]:
            yield "no request is held out, so that nothing is tested: `heldout` and `cases` have to be above 0"
        if self.arms < 2:
            yield "an arm is compared with nothing: `arms` has to have two at least"


def evaluates(workflow: Workflow) -> bool:
    """True if the workflow, or a part of it, decides whether to adopt something."""
    return any(_node(own, "Evaluate") is not None for own in _workflows(workflow))


def find_empty_tests(workflow: Workflow) -> dict[str, str]:
    """The reasons that a decision could have no basis, by the parameter at fault: no case, or an invalid arm."""
    found: dict[str, str] = {}
    if not evaluates(workflow):
        return found
    own = list(_workflows(workflow))
    for test in filter(_tests_arms, own):
        if not test.params["arms"]:
            found["arms"] = "no arm is tested, so that there is nothing to decide: `arms` has to have two at least"
        elif fault := _find_arm_fault(test):
            found["arms"] = fault
        if test.params.get("cases") == 0:
            found["cases"] = "no case is tested, so that there is nothing to decide: `cases` has to be above 0"
    splits = [split for each in own if (split := _node(each, "Split")) is not None]
    is_kept = any(isinstance(source, KeptTools) and source.since for each in own for source in each.data.values())
    if splits and not is_kept and not any(split.settings.get("heldout", 1) for split in splits):
        found["heldout"] = "no request is held out, so that nothing is tested: `heldout` has to be above 0"
    return found


def _find_arm_fault(test: Workflow) -> str | None:
    """The fault of the first arm that nothing could be shown by, or None if all are right."""
    settings: type[BaseModel] | None = getattr(getattr(_node(test, "Show"), "cls", None), "arm_settings", None)
    if settings is None:
        return None
    for number, arm in enumerate(test.params["arms"], start=1):
        if not isinstance(arm, Mapping):
            return f"arm {number} has to be a mapping, such as `{{name: {arm}}}`"
        try:
            settings.model_validate(arm)
        except ValidationError as error:
            keys = list(settings.model_fields)
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            name = f"arm {number} (`{arm['name']}`)" if "name" in arm else f"arm {number}"
            if first["type"] == "extra_forbidden":
                return f"{name} has an unknown key `{key}`; {did_you_mean(key, keys)}keys: {', '.join(sorted(keys))}"
            return f"{name}: `{key}` {rephrase(first['msg'])}"
    return None


def _workflows(workflow: Workflow) -> Iterator[Workflow]:
    """The workflow and all its parts."""
    yield workflow
    for sub in workflow.sub_workflows.values():
        yield from _workflows(sub.workflow)


def make_forecast(workflow: Workflow, planned: Plan) -> Forecast | None:
    """The forecast; None for a workflow that does not explore, hold out and test, or whose tools are not known."""
    parts = dict(_parts(workflow, planned))
    explore, distil, test = (
        next((part for part in parts.values() if has(part[0])), None)
        for has in (_explores, lambda own: _node(own, "Split") is not None, _tests_arms)
    )
    if explore is None or distil is None or test is None or not (tools := explore[1].unit_bound):
        return None
    trials = min(max_trials(explore[0]), int(distil[0].params.get("trials", math.inf) or math.inf))
    split = _node(distil[0], "Split")
    heldout = float(split.settings.get("heldout", 0.2)) if split else 0.2
    held = [max(round(heldout * kept * trials), 1) if heldout else 0 for kept in KEPT]
    stated = test[0].params.get("cases")
    most = max(held) if stated is None else int(stated)
    kept = _count_kept_cases(explore[0], explore[1].kept, most)
    cases = (kept + tools * min(held[0], most), kept + tools * min(held[1], most))
    arms = [arm for arm in test[0].params.get("arms") or [] if isinstance(arm, Mapping)]
    replies = int(test[0].params.get("replies") or 1)
    share = _restraint_share(distil[0], test[0])
    definitions = explore[1].definition_tokens or TOOL_TOKENS * tools
    asked = [round(count * (1 + share) * len(arms) * replies) for count in cases]
    forms = sum(_forms(arm) for arm in arms) / max(len(arms), 1)
    rest = [plan.total for _, plan in parts.values() if not plan.sub_workflows and plan not in (explore[1], test[1])]
    explored = tools * trials * CALLS_PER_TRIAL + sum(min(each.model_calls, tools * trials) for each in rest if each)
    calls = (explored + asked[0], explored + asked[1])
    prompt = [
        round(explored * EXPLORING_TOKENS[0] + count * (definitions + REQUEST_TOKENS + forms * FORM_TOKENS))
        for count in asked
    ]
    completion = [round(explored * EXPLORING_TOKENS[1] + count * REPLY_TOKENS) for count in asked]
    prices = read_prices(workflow.params)
    priced = [prices.price(*both) for both in zip(prompt, completion, strict=True)] if prices else None
    return Forecast(
        tools,
        trials,
        kept,
        heldout,
        cases,
        (math.ceil(share * cases[0]), math.ceil(share * cases[1])),
        len(arms),
        sum(_may_be_adopted(arm) for arm in arms),
        replies,
        calls,
        (prompt[0], prompt[1]),
        (completion[0], completion[1]),
        (priced[0], priced[1]) if priced else None,
        prices.currency if prices else None,
    )


def power_at(gain: float, cases: int, candidates: int) -> float:
    """The share of tests that would show a true gain, after Holm's correction for the number of candidates."""
    level = 1 - (1 - LEVEL) / max(candidates, 1)
    return gain_power(gain, cases, baseline=BASELINE, correlation=CORRELATION, level=level)


def power_rows(candidates: int, cases: tuple[int, ...] = ()) -> Power:
    """By number of cases in all, the share of tests that would show each gain."""
    counts = sorted({*CASES, *(min(each, MOST_CASES) for each in cases)})
    return [(count, [(gain, power_at(gain, count, candidates)) for gain in GAINS]) for count in counts]


def power_lines(candidates: int, likely: tuple[int, ...] = ()) -> list[str]:
    """The power of the decision as a table; the number of cases is known once the trials have been filtered."""
    among = "with one candidate" if candidates <= 1 else f"after Holm's correction for {candidates} candidates"
    head = f"power: how often a true gain over a baseline of {100 * BASELINE:.0f} % would be shown, {among}"
    lines = [head, f"{'  cases in all':20}" + "".join(f"{100 * gain:>6.0f} points" for gain in GAINS)]
    for cases, row in power_rows(candidates, likely):
        mark = " likely" if cases in likely else ""
        lines.append(f"  {f'{cases}{mark}':<18}" + "".join(f"{100 * share:>11.0f} %" for _, share in row))
    return lines


def _parts(workflow: Workflow, planned: Plan) -> Iterator[tuple[str, tuple[Workflow, Plan]]]:
    """The workflow and all its parts, each with its plan."""
    yield "", (workflow, planned)
    for part in planned.sub_workflows:
        for name, found in _parts(workflow.sub_workflows[part.name].workflow, part.plan):
            yield f"{part.name}.{name}", found


def _node(workflow: Workflow, cls: str) -> Any:
    return next((spec for spec in workflow.nodes.values() if spec.cls.__name__ == cls), None)


def _explores(workflow: Workflow) -> bool:
    return "trial" in workflow.records and workflow.unit_map is not None and workflow.unit_map.over.text == "tools"


def _tests_arms(workflow: Workflow) -> bool:
    return _node(workflow, "Score") is not None and isinstance(workflow.params.get("arms"), list)


def _count_kept_cases(explore: Workflow, kept: Collection[str], most: int) -> int:
    """The cases, at most so many of a tool, that a pack has about the tools that it is kept for."""
    from ste_graph.packs.pack import open_adopted_pack

    since = next((source.since for source in explore.data.values() if isinstance(source, KeptTools)), None)
    if since is None or not kept:
        return 0
    count = Counter(case.gold.tool for case in open_adopted_pack(since).cases if case.kind == "call")
    return sum(min(count[tool], most) for tool in kept)


def _restraint_share(distil: Workflow, test: Workflow) -> float:
    """The cases in which no call is right, as a share of the others."""
    from ste_graph.inputs.cases import Cases  # which loads all that reads a finished run

    if not distil.params.get("restraint"):
        return 0.0
    most = next((source.restraint for source in test.data.values() if isinstance(source, Cases)), None)
    return RESTRAINT if most is None else min(most, RESTRAINT)


def _forms(arm: Mapping[str, Json]) -> int:
    """The number of forms that an arm shows."""
    return sum(bool(value) for name, value in arm.items() if name != "name")


def _may_be_adopted(arm: Mapping[str, Json]) -> bool:
    """True if the arm shows something, and is not a placebo."""
    return _forms(arm) > 0 and "shuffled" not in arm.values()


def _range(pair: tuple[int, int]) -> str:
    low, high = (f"{_round(value):,}" for value in pair)
    return low if low == high else f"{low} to {high}"


def _round(value: int) -> int:
    """The figure rounded to two digits if it has more than three: it is not more certain than that."""
    digits = len(str(value)) - 2
    return round(value, -digits) if digits > 1 else value
