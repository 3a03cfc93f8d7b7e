"""A file of a model's replies to a test, in the paper's form: `{TOOL: [{query, action_input, model_output}, …]}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.scoring.case import Case, Predicted
from ste_graph.scoring.document import refused
from ste_graph.scoring.gold import Gold, by_tool, case_of, found_gold, read_gold

OUTPUT = "model_output"
VERDICT = "args_correct"
TRUTHS: Mapping[str | int, bool] = {"0": False, "1": True, 0: False, 1: True}
"""The labels as the paper's notebook wrote them."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The replies by tool, in the order of the file, every gold case with or without one.

    `problems` names what is not there and so counts as wrong.
    """

    source: str
    gold: str
    by_tool: Mapping[str, tuple[Predicted, ...]]
    problems: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(self.by_tool)


def read_predictions(
    path: Path, gold: Path | None = None, *, partial: bool = False, stored_verdicts: bool = False
) -> Predictions:
    """The replies in a file, next to the gold cases.

    Without `gold`, a `tool_test.json` close by is taken if it holds the requests of the file, else the gold calls
    that stand in the file itself. Missing replies and items are wrong and named; what cannot be scored at all (no
    gold call, a request that is not in the test or stands twice) is refused.

    Args:
        path: The predictions.
        gold: The test.
        partial: Leave out tools of the test that the file does not hold, as in a round of continual learning.
        stored_verdicts: Keep the verdict that stands beside each reply (`args_correct`), for where only a judge can
            tell.

    Raises:
        WorkflowError: The file, or the gold, is not what it should be.
    """
    items = by_tool(path)
    if gold is not None:
        test: Gold | None = read_gold(gold)
    else:
        near = found_gold(path)
        test = read_gold(near) if near and near.resolve() != path.resolve() else None
        if test and not _mostly_in(items, test):
            test = None
    reader = _Reader(test, stored_verdicts)
    found = {tool: reader.tool(tool, own) for tool, own in items.items()}
    if test and not partial:
        for tool in test.cases:
            if tool not in found:
                found[tool] = reader.absent(tool, test.cases[tool])
    if reader.faults:
        where = test.source if test else "the file itself"
        raise refused(path, reader.faults, f"the gold calls are those of {where}")
    return Predictions(str(path), test.source if test else str(path), found, tuple(reader.problems))


class _Reader:
    """Collects what is wrong while the tools are gone through."""

    def __init__(self, test: Gold | None, stored_verdicts: bool) -> None:
        self.test = test
        self.stored_verdicts = stored_verdicts
        self.faults: list[str] = []
        self.problems: list[str] = []

    def tool(self, tool: str, items: list[Json]) -> tuple[Predicted, ...]:
        cases = self._cases(tool)
        if not items and not cases:
            self.problems.append(f"{tool}: no case")
        found: list[Predicted] = []
        seen: set[str] = set()
        for number, item in enumerate(items):
            where = f"{tool} #{number}"
            case = self._case(tool, item, cases, where)
            if case is None:
                continue
            if case.query in seen:
                self.faults.append(f"{where}: the request stands twice: {case.query!r}")
                continue
            seen.add(case.query)
            found.append(self._predicted(case, item, where))
        for number, case in enumerate((cases or {}).values()):
            if case.query not in seen:
                found.insert(number, self._missing(case))
        return tuple(found)

    def absent(self, tool: str, cases: Sequence[Case]) -> tuple[Predicted, ...]:
        self.problems.append(
            f"{tool}: the file does not have this tool; its {len(cases)} cases count as wrong (left out with --partial)"
        )
        return tuple(Predicted(case, None, "the tool is not in the file") for case in cases)

    def _cases(self, tool: str) -> dict[str, Case] | None:
        if self.test is None:
            return None
        if tool not in self.test.cases:
            self.faults.append(f"{tool}: the gold has no such tool")
            return {}
        return {case.query: case for case in self.test.cases[tool]}

    def _case(self, tool: str, item: Json, cases: dict[str, Case] | None, where: str) -> Case | None:
        if cases is None:
            try:
                return case_of(tool, item)
            except ValueError as fault:
                self.faults.append(f"{where}: {fault}")
                return None
        query = item.get("query") if isinstance(item, dict) else None
        if not isinstance(query, str):
            self.faults.append(f"{where}: has no `query`" if isinstance(item, dict) else f"{where}: not an object")
            return None
        if query not in cases:
            if cases:
                self.faults.append(f"{where}: the gold has no such request: {query!r}")
            return None
        return cases[query]

    def _missing(self, case: Case) -> Predicted:
        self.problems.append(f"{case.tool}: no item for the request {case.query!r}; it counts as wrong")
        return Predicted(case, None, "the file has no item for this request")

    def _predicted(self, case: Case, item: dict[str, Json], where: str) -> Predicted:
        output = item.get(OUTPUT)
        if not isinstance(output, str):
            what = f"`{OUTPUT}` is not a text" if OUTPUT in item else f"there is no `{OUTPUT}`"
            self.problems.append(f"{where}: {what}; it counts as wrong")
            return Predicted(case, None, what)
        return Predicted(case, output, verdict=self._verdict(item, where))

    def _verdict(self, item: dict[str, Json], where: str) -> bool | None:
        if not self.stored_verdicts or item.get(VERDICT) is None:
            return None
        stored = item[VERDICT]
        verdict = TRUTHS.get(stored) if isinstance(stored, str | int) else None
        if verdict is None:
            self.problems.append(f"{where}: `{VERDICT}` is {stored!r}, expected 0 or 1; it is not used")
        return verdict


def _mostly_in(items: Mapping[str, list[Json]], test: Gold) -> bool:
    """Whether the file is about this test: at least half of its requests are in it."""
    known = {(tool, case.query) for tool, cases in test.cases.items() for case in cases}
    asked = [
        (tool, item["query"])
        for tool, own in items.items()
        for item in own
        if isinstance(item, dict) and isinstance(item.get("query"), str)
    ]
    return 2 * sum(one in known for one in asked) >= max(len(asked), 1)
