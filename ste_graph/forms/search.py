"""The search for better descriptions of a tool: what to test or to propose next, from all that is known so far.

A search is a plain procedure over a `Ledger`. Where it needs what is not known yet, it ends with `MissingTestError` or
`MissingProposalError`. The graph then asks the models, and the procedure starts again, over a ledger that knows more.
So each reply is a step of the run: counted, logged, and replayed when the run is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.forms.description import RefusedWording, ToolWording, WordingTest
from ste_graph.json_values import canonical_json
from ste_graph.text import count_noun

SearchMethod: TypeAlias = Literal["own", "gepa"]

BEFORE = "before"
"""The arm with the descriptions as they are."""

SearchCase: TypeAlias = Mapping[str, Any]
"""A request to test on: `query` and `gold`, the right call."""


class CaseResult(NamedTuple):
    """A reply to a case: whether it is right, and the call that it made, in words."""

    is_right: bool
    called: str


class Proposal(Frozen):
    """Descriptions that were proposed, or the reason why they are not tested."""

    description: str = ""
    parameters: dict[str, str] = Field(default={})
    fault: str | None = None
    parent: str = BEFORE
    """The arm whose descriptions were to be improved."""
    cases: tuple[str, ...] = ()
    """The keys of the cases of trials on which it is compared with its parent; empty if it has no such test."""

    @property
    def wording(self) -> ToolWording:
        return ToolWording(description=self.description, parameters=self.parameters)


class SearchState(Frozen):
    """All that a search knows beyond the replies: its seed and the proposals so far, in order."""

    seed: int
    proposals: tuple[Proposal, ...] = ()
    parent: str = BEFORE
    """The arm that the next proposal is to improve."""
    cases: tuple[str, ...] = ()
    """Those that the next proposal is compared on."""


class MissingTestError(BaseException):
    """A search needs the replies of an arm to these cases. It passes all handlers of a library's own faults."""

    def __init__(self, arm: str, cases: Sequence[SearchCase]) -> None:
        super().__init__(arm)
        self.arm = arm
        self.cases = tuple(cases)


class MissingProposalError(BaseException):
    """A search needs descriptions better than those of `parent`, given its replies to `cases` of trials."""

    def __init__(self, parent: str, cases: Sequence[SearchCase]) -> None:
        super().__init__(parent)
        self.parent = parent
        self.cases = tuple(cases)


def case_key(case: SearchCase) -> str:
    """The request and its call as one text, the same for a case and for the reply to it."""
    return canonical_json([case["query"], case["gold"]])


def proposal_arm(count: int) -> str:
    """The name of the arm of the proposal number `count`, from 1."""
    return f"proposal {count}"


class Ledger:
    """The known data on a tool's descriptions: the wordings by arm, and the results of their tests.

    Args:
        now: The descriptions as they are.
        validation: The cases that were set aside, which decide and are never shown.
        training: The cases of trials, whose replies a proposal may be told.
        proposals: All so far.
        results: By arm and `case_key`.
    """

    def __init__(
        self,
        now: ToolWording,
        *,
        validation: Sequence[SearchCase],
        training: Sequence[SearchCase] = (),
        proposals: Sequence[Proposal] = (),
        results: Mapping[tuple[str, str], CaseResult],
    ) -> None:
        self.validation = tuple(validation)
        self.training = tuple(training)
        self._proposals = tuple(proposals)
        self._results = results
        self._asked = 0
        tested = {
            proposal_arm(n): proposal.wording for n, proposal in enumerate(proposals, start=1) if proposal.fault is None
        }
        self.wordings = {BEFORE: now, **tested}

    def test(self, arm: str, cases: Sequence[SearchCase]) -> list[CaseResult]:
        """The results of an arm, in the order of the cases. Raises `MissingTestError` if there is one to be tested."""
        missing = [case for case in cases if (arm, case_key(case)) not in self._results]
        if missing:
            raise MissingTestError(arm, missing)
        return [self._results[arm, case_key(case)] for case in cases]

    def count_right(self, arm: str, cases: Sequence[SearchCase]) -> int:
        """The number of cases that an arm serves rightly. Raises `MissingTestError`."""
        return sum(result.is_right for result in self.test(arm, cases))

    def propose(self, parent: str, cases: Sequence[SearchCase] = ()) -> str | None:
        """The arm of the next proposal; None if it may not be tested. Raises `MissingProposalError`.

        The calls of one search give the proposals in their order.
        """
        if self._asked == len(self._proposals):
            raise MissingProposalError(parent, cases)
        self._asked += 1
        return None if self._proposals[self._asked - 1].fault else proposal_arm(self._asked)

    def compare(self, arm: str) -> WordingTest | None:
        """The test of an arm on the cases that were set aside; None if it is not complete."""
        try:
            before, after = (self.count_right(each, self.validation) for each in (BEFORE, arm))
        except MissingTestError:
            return None
        return WordingTest(cases=len(self.validation), before=before, after=after)

    def find_best(self) -> tuple[str, WordingTest] | None:
        """The arm with the most right replies of those that are better than before, the first of equals; else None."""
        tested = [(arm, test) for arm in self.wordings if (test := self.compare(arm)) and test.after > test.before]
        return max(tested, key=lambda each: each[1].after, default=None)

    def find_last_test(self) -> WordingTest | None:
        """The test of the last proposal that has one; None without any."""
        return next(filter(None, map(self.compare, [*self.wordings][:0:-1])), None)

    def explain_choice(self) -> str:
        """The reason that the best descriptions, or those from before, were kept."""
        counted = count_noun(len(self.validation), "request")
        if best := self.find_best():
            return f"{best[1].after} of {counted} set aside came out right, {best[1].before} before"
        if not self.validation:
            return "no request was set aside to test a proposal on"
        if (test := self.compare(BEFORE)) and test.before == test.cases:
            return f"all {counted} that were set aside are served rightly as it is"
        refused = [*self.refusals().values()]
        return f"the last proposal was not kept: {refused[-1].reason}" if refused else "nothing was proposed"

    def refusals(self) -> dict[str, RefusedWording]:
        """The proposals that did not better the descriptions, each with the reason, by arm and in order."""
        found = {}
        for n, proposal in enumerate(self._proposals, start=1):
            if reason := proposal.fault or self._find_shortfall(proposal_arm(n), proposal):
                found[proposal_arm(n)] = RefusedWording(description=proposal.description, reason=reason)
        return found

    def _find_shortfall(self, arm: str, proposal: Proposal) -> str | None:
        test = self.compare(arm)
        if test is not None:
            counted = f"{test.after} of {count_noun(test.cases, 'request')} set aside"
            return None if test.after > test.before else f"{counted} came out right, and {test.before} before"
        cases = [case for case in self.training if case_key(case) in proposal.cases]
        try:
            before, after = (self.count_right(each, cases) for each in (proposal.parent, arm))
        except MissingTestError:
            return None
        if not cases or after > before:
            return None
        return f"{after} of {count_noun(len(cases), 'request')} of trials came out right, and {before} before"


def search_own(ledger: Ledger) -> None:
    """Propose, and test on all cases that were set aside, until a proposal is better than the descriptions as they are.

    Raises:
        MissingTestError: a test has to be made.
        MissingProposalError: a proposal has to be made.
    """
    cases = ledger.validation
    if not cases or (before := ledger.count_right(BEFORE, cases)) == len(cases):
        return
    while True:
        arm = ledger.propose(BEFORE)
        if arm is not None and ledger.count_right(arm, cases) > before:
            return
