"""The arms of a test: the replies of each to the same requests, and the check that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, ValidationError

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.scoring.label import OWN_RULES
from ste_graph.scoring.problems import problems_error
from ste_graph.scoring.reply import ArmReply, Role
from ste_graph.scoring.restraint import CaseKind
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.scoring.subject import FormsSubject, Subject
from ste_graph.suggest import closest, render_hint


@dataclass(frozen=True, slots=True)
class ArmReplies:
    """All replies of one arm."""

    name: str
    replies: tuple[ArmReply, ...]

    @property
    def role(self) -> Role | None:
        return self.replies[0].role

    @property
    def subject(self) -> Subject | None:
        """The thing that an adoption of the arm would adopt."""
        return self.replies[0].subject

    @property
    def is_empty(self) -> bool:
        """True if it was to show forms of learning and never had any to show, so that whatever it gains is chance."""
        return isinstance(self.subject, FormsSubject) and not any(
            reply.shown or reply.lessons or reply.shown_tokens for reply in self.replies
        )

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(reply.model for reply in self.replies if reply.model))

    def score(self, rules: LabelRules, verdicts: Mapping[str, bool] | None = None) -> ScoreSheet:
        """The score of the arm, with the cases in which no call is right apart from the others.

        A reply is labelled anew only if other rules have labelled it.

        Where a reply does not say what was offered, the tools of all gold calls of the arm are legal.
        """
        every = tuple(dict.fromkeys(reply.gold.tool for reply in self.replies))
        by_tool: dict[str, list[ArmReply]] = {}
        restraint: dict[str, list[ArmReply]] = {}
        for reply in self.replies:
            names = reply.legal_names if reply.offered else every
            if reply.rules is None or reply.rules not in (OWN_RULES, rules.digest(reply.gold.tool, names, reply.form)):
                reply = reply.label_by(rules, names)
            side = by_tool if reply.kind == "call" else restraint
            side.setdefault(reply.gold.tool, []).append(reply.decide_by(verdicts or {}))
        calls, others = ({tool: tuple(own) for tool, own in side.items()} for side in (by_tool, restraint))
        return ScoreSheet(calls, rules.parser, source=self.name, restraint=others)


def parse_replies(items: Iterable[Json]) -> list[ArmReply]:
    """Items as replies of arms. Raises `WorkflowError` that names each item which is not one."""
    found: list[ArmReply] = []
    problems: list[str] = []
    for number, item in enumerate(items):
        try:
            found.append(ArmReply.model_validate(item))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problems.append(f"#{number}: `{'.'.join(map(str, first['loc']))}`: {first['msg']}")
    if problems:
        raise problems_error("the replies", problems, "expected {arm, query, gold: {tool, arguments}, output} in each")
    return found


def _parse_list(value: Any) -> Any:
    return parse_replies(value) if isinstance(value, list) else value


ReplyList: TypeAlias = Annotated[list[ArmReply], BeforeValidator(_parse_list)]
"""The replies of arms, as a node reads them; items that are not replies are named, see `parse_replies`."""


def group_by_arm(replies: Iterable[ArmReply]) -> dict[str, ArmReplies]:
    """The arms by name, the baseline first; the first one if none is marked as that."""
    by_arm: dict[str, list[ArmReply]] = {}
    for reply in replies:
        by_arm.setdefault(reply.arm, []).append(reply)
    arms = [ArmReplies(name, tuple(own)) for name, own in by_arm.items()]
    return {arm.name: arm for arm in sorted(arms, key=lambda arm: arm.role != "baseline")}


def check_same_cases(
    replies: Sequence[ArmReply], baseline: str | None, candidate: str | None, *, partial: bool = False, where: str
) -> list[ArmReply]:
    """Checks that the arms replied to the same cases; returns the replies with their roles, the baseline's first.

    Args:
        replies: Those of all arms.
        baseline: The arm that the others are compared with; None: the first one.
        candidate: The arm that may be adopted; None: the one that gains most.
        partial: Leave out the cases that not all arms have.
        where: The source of the replies, for messages.

    Raises:
        WorkflowError: An arm is unknown, or arms differ in their cases or gold calls, each of them named.
    """
    if not replies:
        raise WorkflowError(f"{where}: no replies found")
    arms = group_by_arm(replies)
    roles = _roles(arms, baseline, candidate, where)
    problems = [problem for arm in arms.values() for problem in _own_problems(arm)] + _gold_problems(arms)
    shared = set.intersection(*({(reply.key, reply.n) for reply in arm.replies} for arm in arms.values()))
    problems += [] if partial else _missing_cases(arms)
    if problems:
        raise problems_error(where, problems, "every arm needs as many replies to each of the same cases")
    if not shared:
        raise WorkflowError(f"{where}: there is no case to which all of these arms replied: {', '.join(arms)}")
    kept = [reply for reply in replies if (reply.key, reply.n) in shared]
    among = len({reply.key for reply in replies}) if len(kept) < len(replies) else None
    placed = [reply.with_role(roles.get(reply.arm), reply.among or among) for reply in kept]
    return sorted(placed, key=lambda reply: reply.role != "baseline")


def check_same_gold(sheets: Sequence[ScoreSheet]) -> None:
    """Raises `WorkflowError` if sheets have different gold calls for a request, each of them named."""
    arms = {sheet.source: ArmReplies(sheet.source, tuple(chain(*sheet.by_tool.values()))) for sheet in sheets}
    if problems := _gold_problems(arms):
        raise problems_error(" and ".join(arms), problems, "score both files against one test with --gold")


def _roles(arms: Mapping[str, ArmReplies], baseline: str | None, candidate: str | None, where: str) -> dict[str, Role]:
    only = next(iter(arms)) if len(arms) == 1 else None
    first = only or baseline or next(iter(arms))
    for name, setting in ((first, "baseline"), (candidate, "candidate")):
        if name is not None and name not in arms:
            alike = [arm for arm in arms if arm.endswith(f"/{name}") or arm.startswith(f"{name} ")]
            near = alike[0] if len(alike) == 1 else None if alike else closest(name, arms)
            problem = "is the name of several arms" if len(alike) > 1 else "is not an arm"
            raise WorkflowError(
                f"{where}: `{setting}: {name}` {problem}; {render_hint(near)}the arms are: {', '.join(arms)}"
            )
    if candidate == first:
        raise WorkflowError(f"{where}: `{first}` is the baseline, so it cannot be the candidate as well")
    roles: dict[str, Role] = {first: "baseline"}
    return roles | ({candidate: "candidate"} if candidate else {})


def _own_problems(arm: ArmReplies) -> list[str]:
    problems, seen, subjects = [], set[tuple[tuple[str, str], int]](), list[Subject | None]()
    for reply in arm.replies:
        if (numbered := (reply.key, reply.n)) in seen:
            number = f" of number {reply.n}" if reply.n else ""
            problems.append(f"arm `{arm.name}`, {reply.gold.tool}: a second reply{number} to {reply.query!r}")
        seen.add(numbered)
        if reply.subject not in subjects:
            subjects.append(reply.subject)
    if len(subjects) > 1:
        problems.append(f"arm `{arm.name}`: its replies name {len(subjects)} different subjects; split it into arms")
    return problems


def _gold_problems(arms: Mapping[str, ArmReplies]) -> list[str]:
    first: dict[tuple[str, str], tuple[tuple[CaseKind, str], str]] = {}
    problems = []
    for arm in arms.values():
        for reply in arm.replies:
            gold = reply.kind, reply.gold.arguments_key
            known, name = first.setdefault(reply.key, (gold, arm.name))
            if gold != known:
                problems.append(
                    f"{reply.gold.tool}: arms `{name}` and `{arm.name}` have different gold calls for {reply.query!r}"
                )
    return problems


def _missing_cases(arms: Mapping[str, ArmReplies]) -> list[str]:
    every = dict.fromkeys((reply.key, reply.n) for arm in arms.values() for reply in arm.replies)
    what = "replies" if any(number for _, number in every) else "cases"
    problems = []
    for arm in arms.values():
        missing = every.keys() - {(reply.key, reply.n) for reply in arm.replies}
        if missing:
            (tool, query), number = next(key for key in every if key in missing)
            nth = f" (reply {number})" if what == "replies" else ""
            problems.append(
                f"arm `{arm.name}` lacks {len(missing)} of the {len(every)} {what}, such as {tool}: {query!r}{nth}"
            )
    return problems
