"""Scores as text for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ste_graph.scoring.difference import Difference
from ste_graph.scoring.score import Score
from ste_graph.scoring.share import Measure, Share, api_match, correct, wellformed
from ste_graph.scoring.wording import columns, reach, signed
from ste_graph.stats import Interval
from ste_graph.text import count_noun, printable

MEASURES: tuple[tuple[str, Measure], ...] = (
    ("well-formed", wellformed),
    ("API match of well-formed", api_match),
    ("correct", correct),
)
SHOWN = 10
"""Confusions, extra arguments and problems that a text names; the rest is counted."""


def told(score: Score, *, seed: int = 0) -> str:
    """A score: the figures with their intervals, what is behind them, then a line per tool."""
    reader = f", read by the {score.parser} parser" if score.parser else ""
    gold = "the gold calls in it" if score.gold == score.source else score.gold
    labels = score.labels
    figures, notes = _figures(score, seed)
    parts = [
        f"{printable(score.source)}{reader}: {count_noun(len(labels), 'case')} of {count_noun(len(score.by_tool), 'tool')}, "
        f"against {printable(gold)}",
        "\n".join(columns(figures)),
        "\n".join([*notes, *_beside(score)]),
        "\n".join(columns(_tools(score))),
        _listed("called instead of", Counter({f"{b} instead of {a}": n for (a, b), n in score.confusion.items()})),
        _listed("arguments that the gold call does not have", score.extra),
        _named(score.problems),
    ]
    return "\n\n".join(part for part in parts if part)


def compared(gain: Difference) -> str:
    """The gain of one arm over another."""
    head = f"correct, {printable(gain.b)} minus {printable(gain.a)}, in points over the same tools:"
    if gain.least == gain.most:
        return f"{head} {signed(gain.least)}"
    return f"{head} at least {signed(gain.least)}, at most {signed(gain.most)} (calls that nobody has judged)"


def _figures(score: Score, seed: int) -> tuple[list[list[str]], list[str]]:
    """The rows, and what there is to say of the intervals in them."""
    rows = [["", "%", "of", "95 % over tools", "Student's t"]]
    notes: dict[str, list[str]] = {}
    for name, measure in MEASURES:
        share = measure(score.labels)
        found = score.intervals(measure, seed=seed)
        low = [reach(one) for one in found]
        if share.lower != share.upper:
            high = [reach(one) for one in score.intervals(measure, upper=True, seed=seed)]
            low = [a if a == b else f"{a}; {b}" for a, b in zip(low, high, strict=True)]
        rows.append([name, str(share), str(share.of), *low])
        if note := found[0].note if isinstance(found[0], Interval) else found[0].reason:
            notes.setdefault(note, []).append(name)
    for name, share in (
        ("  without extra arguments", score.strict),
        ("  where the gold call has arguments", score.with_arguments),
        ("  where it has none", score.without_arguments),
        ("arguments right, of calls to the right tool that need some", score.argument_accuracy),
    ):
        rows.append([name, str(share), str(share.of), "", ""])
    return rows, [f"{', '.join(names)}: {note}" for note, names in notes.items()]


def _beside(score: Score) -> list[str]:
    labels = score.labels
    lines = []
    if score.questions:
        lines.append(
            f"{len(score.questions)} of the calls can only be judged: wrong in the lower bound, right in the upper"
        )
    if score.judge:
        lines.append(f"{score.judge} of the calls were decided by a judge")
    answers, errors = sum(one.no_call for one in labels), sum(one.err for one in labels)
    lines.append(f"of the replies, {answers} make no call, {errors} cannot be read")
    if score.repaired:
        kinds = ", ".join(f"{count} {name}" for name, count in score.repairs.most_common())
        lines.append(f"{score.repaired} of the calls were mended to be read: {kinds}")
    return lines


def _tools(score: Score) -> list[list[str]]:
    rows = [["tool", "cases", "well-formed", "API match", "correct", "extra arguments", "mended", ""]]
    for tool, own in score.by_tool.items():
        shares: list[Share] = [wellformed(own), api_match(own), correct(own)]
        counts = [sum(bool(one.extra) for one in own), sum(bool(one.repairs) for one in own)]
        note = "" if own else "no case"
        rows.append([printable(tool), str(len(own)), *map(str, shares), *map(str, counts), note])
    return rows


def _listed(title: str, counts: Counter[str]) -> str:
    if not counts:
        return ""
    lines = [f"{title}:", *(f"  {count:>4}  {printable(name)}" for name, count in counts.most_common(SHOWN))]
    if len(counts) > SHOWN:
        lines.append(f"        and {len(counts) - SHOWN} more, see --format json")
    return "\n".join(lines)


def _named(problems: Sequence[str]) -> str:
    if not problems:
        return ""
    lines = [f"{count_noun(len(problems), 'problem')} in the predictions:"]
    lines += [f"  {printable(problem)}" for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"  and {len(problems) - SHOWN} more, see --format json")
    return "\n".join(lines)
