"""The decision whether to adopt what was learnt, or to keep what was there before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ste_graph.scoring.arm_cost import unequal_faults
from ste_graph.scoring.arms import ArmReplies
from ste_graph.scoring.candidate import HARM, CandidateArm, make_candidates
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.scoring.subject import Subject
from ste_graph.scoring.tables import gain_text
from ste_graph.stats import Interval, cases_needed
from ste_graph.text import count_noun

Choice: TypeAlias = Literal["adopt", "keep"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice, its reasons in plain sentences, and the gain that it rests on.

    `adopted` is the candidate's subject, and `tools` those that it is adopted for: all but the harmed ones.
    """

    choice: Choice
    reasons: tuple[str, ...]
    candidate: str | None = None
    gain: Interval | None = None
    adopted: Subject | None = None
    tools: tuple[str, ...] | None = None
    candidates: tuple[CandidateArm, ...] = ()

    @property
    def reason(self) -> str:
        return ". ".join(self.reasons)


def decide(
    arms: Mapping[str, ArmReplies], sheets: Mapping[str, ScoreSheet], *, seed: int = 0, harm: float = HARM
) -> Decision:
    """Adopts the cheapest candidate that gains for sure; else, and so in a tie, keeps what was.

    A candidate gains for sure if its whole interval for these tools is above 0, and still does after Holm's
    correction for the number of candidates, since the best of several is likely to be lucky. The interval is that of
    the least gain, in which nobody's verdict counts in the candidate's favour. Tools that lose more than `harm` points
    for sure are left as they were; a model, which serves all tools or none, is then not adopted. Nor is a candidate
    that surely calls more often where no call is right.

    The cheapest shows the fewest tokens; where tokens are not known, the one that gains most is taken. A trained model
    comes after every form that is shown, whatever these cost: it takes no room, but a training, and a model to serve.
    The candidate is the arm that is named one, or each arm that has something to adopt; an arm that never had anything
    to show is not a candidate.
    """
    baseline, *others = arms
    named = next((name for name, arm in arms.items() if arm.role == "candidate"), None)
    wanted = [named] if named else [name for name in others if arms[name].subject is not None]
    # Replies of other programs need not say what was shown: where no arm does, nothing is known of any.
    is_known = any(reply.shown_tokens for arm in arms.values() for reply in arm.replies)
    names = [name for name in wanted if not (is_known and arms[name].is_empty)]
    empty = _describe_empty([name for name in wanted if name not in names])
    if not names:
        return Decision("keep", tuple(empty) or (_reason_without_candidate(others),))
    candidates = make_candidates(names, arms, sheets, seed=seed, harm=harm)
    fit = sorted((each for each in candidates if each.obstacle is None), key=_cost_key(candidates))
    best = fit[0] if fit else max(candidates, key=lambda each: (each.is_shown, each.gain.mean))
    reasons = [
        "; ".join(
            [_describe_gain(best, baseline, candidates), *_describe_harm(best, harm), _judgement(best, len(names))]
        ),
        *_describe_choice(fit, len(names)),
        *_describe_others([each for each in candidates if each not in (best, *fit)], harm),
        *empty,
        *_describe_faults(arms, baseline, [best, *fit[1:]]),
    ]
    kept = tuple(tool for tool in best.kept if tool not in best.harmed)
    return Decision(
        "adopt" if fit else "keep",
        tuple(reasons),
        best.name,
        best.gain,
        best.subject if fit else None,
        kept if fit and best.harmed else None,
        tuple(candidates),
    )


def _cost_key(candidates: Sequence[CandidateArm]) -> Callable[[CandidateArm], tuple[float, ...]]:
    """The order of candidates: the cheapest first, and the one that gains most first where costs are not known."""
    if any(each.prompt_tokens is None for each in candidates):
        return lambda each: (each.is_model, -each.gain.mean)
    return lambda each: (each.is_model, each.prompt_tokens or 0.0, -each.gain.mean)


def _reason_without_candidate(others: Sequence[str]) -> str:
    if not others:
        return "there is only one arm, and nothing to compare it with; what was there stays"
    names = ", ".join(f"`{name}`" for name in others)
    return (
        f"no arm says what would be adopted ({names}); what was there stays "
        "(`data.replies.candidate` names an arm to decide on all the same)"
    )


def _describe_empty(names: Sequence[str]) -> list[str]:
    """The lines about the arms that had nothing to show."""
    if not names:
        return []
    arms = ", ".join(f"`{name}`" for name in names)
    return [f"No candidates: {arms}, which had nothing to show in any case: what was to be shown was not learnt"]


def _describe_gain(candidate: CandidateArm, baseline: str, candidates: Sequence[CandidateArm]) -> str:
    found = candidate.difference
    at_least = " at least" if found.least != found.most else ""
    is_best = len(candidates) > 1 and candidate.gain.mean == max(each.gain.mean for each in candidates)
    among = f", the best of {len(candidates)} candidates," if is_best else ""
    return f"`{candidate.name}`{among} gains{at_least} {gain_text(candidate.gain)} over `{baseline}`"


def _describe_harm(candidate: CandidateArm, harm: float) -> list[str]:
    if not candidate.harmed:
        return []
    losses = [f"`{tool}` ({gain_text(pair.interval)})" for tool, pair in candidate.harmed.items()]
    stays = f"{count_noun(len(losses), 'tool')} {'stays' if len(losses) == 1 else 'stay'}"
    return [f"it harms {', '.join(losses)} by more than {harm:g} points, so {stays} as before"]


def _judgement(candidate: CandidateArm, candidates: int) -> str:
    match candidate.obstacle:
        case None:
            corrected = _p_value_remark(candidate, candidates)
            return f"the whole interval is above 0{f', and {corrected}' if corrected else ''}"
        case "harm":
            return "a model serves all tools or none, so what was there stays"
        case "restraint":
            return f"where no call is right, it does worse ({_restraint_text(candidate)}), so what was there stays"
        case "luck":
            return f"{_p_value_remark(candidate, candidates)}, so what was there stays"
        case "undecided":
            return "calls that nobody has judged could lift it above 0: until a judge has, what was there stays"
        case "no gain":
            return f"the interval is not wholly above 0, so what was there stays{_describe_need(candidate)}"


def _p_value_remark(candidate: CandidateArm, candidates: int) -> str:
    many = f"p = {candidate.p_value:.2g} after Holm's correction for {candidates} candidates"
    return many if candidates > 1 else ""


def _describe_choice(fit: Sequence[CandidateArm], candidates: int) -> list[str]:
    """The reason for the choice among those that may be adopted."""
    if not fit or candidates == 1:
        return []
    best, *others = fit
    tokens = best.prompt_tokens
    own = "" if tokens is None else f", with {tokens:+,.0f} prompt tokens a case"
    if not others:
        return [f"It is the only one that may be adopted{own}"]
    if tokens is None:
        rest = ", ".join(f"`{each.name}` {100 * each.gain.mean:+.1f}" for each in others)
        why = f"as their tokens are not known{_describe_weights(others)}"
        return [f"Of the {len(fit)} that were shown to gain it gains most ({rest}), {why}"]
    rest = ", ".join(
        f"`{each.name}` {each.prompt_tokens:+,.0f} tokens for {100 * each.gain.mean:+.1f} points" for each in others
    )
    return [f"Of the {len(fit)} that were shown to gain it is the cheapest{own} ({rest}){_describe_weights(others)}"]


def _describe_weights(others: Sequence[CandidateArm]) -> str:
    models = [f"`{each.name}`" for each in others if each.is_model]
    return f"; a training, as of {', '.join(models)}, counts as dearer than any prompt" if models else ""


def _describe_others(others: Sequence[CandidateArm], harm: float) -> list[str]:
    """The reasons that the rest may not be adopted."""
    if not others:
        return []
    by_reason: dict[str, list[str]] = {}
    for each in others:
        by_reason.setdefault(_describe_obstacle(each), []).append(f"`{each.name}` ({100 * each.gain.mean:+.1f})")
    parts = [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    return [f"Not taken: {'; '.join(parts)}"]


def _describe_obstacle(candidate: CandidateArm) -> str:
    match candidate.obstacle:
        case "harm":
            return f"harms {', '.join(f'`{tool}`' for tool in candidate.harmed)}, and a model serves all tools"
        case "restraint":
            return f"does worse where no call is right ({_restraint_text(candidate)})"
        case "luck":
            return f"may be lucky (p = {candidate.p_value:.2g} after Holm's correction)"
        case "undecided":
            return "has calls that nobody has judged"
        case _:
            return f"not shown to gain{_describe_left(candidate)}"


def _describe_left(candidate: CandidateArm) -> str:
    """That the gain is one with the harmed tools left as they were, where there are any."""
    if not candidate.harmed:
        return ""
    names = ", ".join(f"`{tool}`" for tool in candidate.harmed)
    return f" even with {names}, which it harms, left as it was"


def _restraint_text(candidate: CandidateArm) -> str:
    return gain_text(candidate.restraint) if candidate.restraint is not None else ""


def _describe_faults(arms: Mapping[str, ArmReplies], baseline: str, looked_at: Sequence[CandidateArm]) -> list[str]:
    """The faults that befell the candidates more often than the baseline, or less."""
    return [
        f"Beware, `{each.name}` and `{baseline}` were not treated alike: {'; '.join(faults)}"
        for each in looked_at
        if (faults := unequal_faults(arms[baseline].replies, arms[each.name].replies))
    ]


def _describe_need(candidate: CandidateArm) -> str:
    """The number of cases that a gain as large as the one seen would take, if there is one."""
    pairs, gain = candidate.kept.values(), candidate.gain.mean
    differing = sum((pair.won + pair.lost) / pair.cases for pair in pairs) / len(pairs)
    if gain <= 0 or (needed := cases_needed(gain, differing)) is None:
        return ""
    now = sum(pair.cases for pair in pairs)
    if needed <= now:
        return ""
    return f" (to show a gain of this size, some {needed:,} cases are needed; there are {now:,})"
