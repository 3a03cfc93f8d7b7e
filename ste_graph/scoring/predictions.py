"""Files of a model's replies to a test, in the paper's form: `{TOOL: [{query, action_input, model_output}, …]}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ste_graph.contracts import Json
from ste_graph.protocols.form import Form
from ste_graph.scoring.case import Case, GoldFile, find_gold, parse_case, read_by_tool, read_gold
from ste_graph.scoring.problems import problems_error
from ste_graph.scoring.reply import ArmReply
from ste_graph.text import count_noun

OUTPUT: Final = "model_output"
VERDICT: Final = "args_correct"
TRUTHS: Final[Mapping[str | int, bool]] = {"0": False, "1": True, 0: False, 1: True}
"""The labels as the paper's notebook wrote them."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The replies by tool, in the order of the file, and for every gold case one, even if its text is missing.

    `problems` names what is missing and so counts as wrong.
    """

    source: str
    gold: str
    by_tool: Mapping[str, tuple[ArmReply, ...]]
    problems: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(self.by_tool)


def read_predictions(
    path: Path,
    gold: Path | None = None,
    *,
    partial: bool = False,
    stored_verdicts: bool = False,
    form: Form = "react",
    arm: str = "",
) -> Predictions:
    """Reads the replies in a file, and puts them next to the gold cases.

    Without `gold`, a `tool_test.json` close by is taken if it holds the requests of the file, else the gold calls
    in the file itself. Missing replies and items are wrong and named; what cannot be scored at all (no gold call, a
    request that is not in the test or appears twice) is refused.

    Args:
        path: The predictions.
        gold: The test.
        partial: Leave out tools of the test that the file does not hold, as in a round of continual learning.
        stored_verdicts: Keep the verdict next to each reply (`args_correct`), for where only a judge can tell.
        form: The form in which calls were asked for.
        arm: The name of the arm that replied; by default the path.

    Raises:
        WorkflowError: The file, or the gold, is not as it should be.
    """
    items = read_by_tool(path)
    if gold is not None:
        test: GoldFile | None = read_gold(gold)
    else:
        near = find_gold(path)
        test = read_gold(near) if near and near.resolve() != path.resolve() else None
        if test and not _mostly_in(items, test):
            test = None
    reader = _PredictionReader(test, stored_verdicts, form, arm or str(path))
    found = {tool: reader.read_tool(tool, own) for tool, own in items.items()}
    if test and not partial:
        for tool in test.cases:
            if tool not in found:
                found[tool] = reader.add_missing_tool(tool, test.cases[tool])
    if reader.faults:
        where = test.source if test else "the file itself"
        raise problems_error(path, reader.faults, f"the gold calls are those of {where}")
    return Predictions(str(path), test.source if test else str(path), found, tuple(reader.problems))


class _PredictionReader:
    """Reads tool by tool, and collects everything that is wrong."""

    def __init__(self, test: GoldFile | None, stored_verdicts: bool, form: Form, arm: str) -> None:
        self.test = test
        self.stored_verdicts = stored_verdicts
        self.form = form
        self.arm = arm
        self.faults: list[str] = []
        self.problems: list[str] = []

    def read_tool(self, tool: str, items: list[Json]) -> tuple[ArmReply, ...]:
        cases = self._cases(tool)
        if not items and not cases:
            self.problems.append(f"{tool}: no case")
        found: list[ArmReply] = []
        seen: set[str] = set()
        for number, item in enumerate(items):
            where = f"{tool} #{number}"
            case = self._case(tool, item, cases, where)
            if case is None:
                continue
            if case.query in seen:
                self.faults.append(f"{where}: the request appears twice: {case.query!r}")
                continue
            seen.add(case.query)
            found.append(self._reply(case, item, where))
        for number, case in enumerate((cases or {}).values()):
            if case.query not in seen:
                found.insert(number, self._missing_item(case))
        return tuple(found)

    def add_missing_tool(self, tool: str, cases: Sequence[Case]) -> tuple[ArmReply, ...]:
        self.problems.append(
            f"{tool}: the file does not have this tool ({count_noun(len(cases), 'case')} counted as wrong; --partial "
            "leaves them out)"
        )
        return tuple(self._without_text(case, "the tool is not in the file") for case in cases)

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
                return parse_case(tool, item)
            except ValueError as error:
                self.faults.append(f"{where}: {error}")
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

    def _missing_item(self, case: Case) -> ArmReply:
        self.problems.append(f"{case.gold.tool}: no item for the request {case.query!r}; it counts as wrong")
        return self._without_text(case, "the file has no item for this request")

    def _without_text(self, case: Case, problem: str) -> ArmReply:
        return ArmReply(arm=self.arm, query=case.query, gold=case.gold, output=None, problem=problem)

    def _reply(self, case: Case, item: dict[str, Json], where: str) -> ArmReply:
        output = item.get(OUTPUT)
        if not isinstance(output, str):
            problem = f"`{OUTPUT}` is not a text" if OUTPUT in item else f"there is no `{OUTPUT}`"
            self.problems.append(f"{where}: {problem}; it counts as wrong")
            return self._without_text(case, problem)
        verdict = self._verdict(item, where)
        return ArmReply(arm=self.arm, query=case.query, gold=case.gold, output=output, form=self.form, verdict=verdict)

    def _verdict(self, item: dict[str, Json], where: str) -> bool | None:
        if not self.stored_verdicts or item.get(VERDICT) is None:
            return None
        stored = item[VERDICT]
        verdict = TRUTHS.get(stored) if isinstance(stored, str | int) else None
        if verdict is None:
            self.problems.append(f"{where}: `{VERDICT}` is {stored!r}, expected 0 or 1; it is not used")
        return verdict


def _mostly_in(items: Mapping[str, list[Json]], test: GoldFile) -> bool:
    """True if the file is about this test: at least half of its requests are in it."""
    known = {(tool, case.query) for tool, cases in test.cases.items() for case in cases}
    requests = [
        (tool, item["query"])
        for tool, own in items.items()
        for item in own
        if isinstance(item, dict) and isinstance(item.get("query"), str)
    ]
    return 2 * sum(request in known for request in requests) >= max(len(requests), 1)
