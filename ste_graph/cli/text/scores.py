"""Scores as text for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ste_graph.scoring.difference import Difference
from ste_graph.scoring.proportion import Measure, Proportion, api_match, correctness, wellformedness
from ste_graph.scoring.score_sheet import ScoreSheet
from ste_graph.scoring.tables import gain_text, interval_texts
from ste_graph.stats import Interval
from ste_graph.text import align_columns, count_noun, first_lines, printable

MEASURES: tuple[tuple[str, Measure], ...] = (
    ("well-formed", wellformedness),
    ("API match of well-formed", api_match),
    ("correct", correctness),
)
SHOWN = 10
"""Confusions, extra arguments and problems that a text names; the rest is counted."""


def score_text(sheet: ScoreSheet, *, seed: int = 0) -> str:
    """The figures with their intervals and the underlying counts, then a line per tool."""
    reader = f", read by the {sheet.parser} parser" if sheet.parser else ""
    gold = "the gold calls in it" if sheet.gold == sheet.source else sheet.gold
    cases, tools = count_noun(len(sheet.replies), "case"), count_noun(len(sheet.by_tool), "tool")
    figures, notes = _figure_rows(sheet, seed)
    parts = [
        f"{printable(sheet.source)}{reader}: {cases} of {tools}, against {printable(gold)}",
        "\n".join(align_columns(figures)),
        "\n".join([*notes, *_counts(sheet)]),
        "\n".join(align_columns(_tool_rows(sheet))),
        _list_counts("called instead of", Counter({f"{b} instead of {a}": n for (a, b), n in sheet.confusion.items()})),
        _list_counts("arguments that the gold call does not have", sheet.extra_arguments),
        _list_problems(sheet.problems),
    ]
    return "\n\n".join(part for part in parts if part)


def difference_text(gain: Difference) -> str:
    """The gain of one file of replies over another."""
    head = f"correct, {printable(gain.b)} minus {printable(gain.a)}, in points over the same tools:"
    beyond = f"; for tools like these {gain_text(gain.beyond)}"
    if gain.least == gain.most:
        return f"{head} {gain_text(gain.least)}{beyond}"
    unjudged = f"at least {gain_text(gain.least)}, at most {gain_text(gain.most)} (calls that nobody has judged)"
    return f"{head} {unjudged}{beyond}"


def _figure_rows(sheet: ScoreSheet, seed: int) -> tuple[list[list[str]], list[str]]:
    """The rows, and notes on the intervals in them."""
    rows = [["", "%", "of", "95 %, these tools", "tools like these"]]
    notes: dict[str, list[str]] = {}
    for name, measure in MEASURES:
        proportion = measure(sheet.replies)
        rows.append([name, str(proportion), str(proportion.of), *interval_texts(sheet, measure, seed=seed)])
        for estimate in sheet.intervals(measure, seed=seed):
            if not isinstance(estimate, Interval):
                notes.setdefault(f"{estimate.scope}: {estimate.reason}", []).append(name)
    for name, proportion in (
        ("  without extra arguments", sheet.strict_correctness),
        ("  where the gold call has arguments", sheet.correctness_with_arguments),
        ("  where it has none", sheet.correctness_without_arguments),
        ("arguments right, of calls to the right tool that need some", sheet.argument_accuracy),
    ):
        rows.append([name, str(proportion), str(proportion.of), "", ""])
    return rows, [f"{', '.join(names)}: {note}" for note, names in notes.items()]


def _counts(sheet: ScoreSheet) -> list[str]:
    replies = sheet.replies
    lines = []
    if sheet.questions:
        lines.append(
            f"{len(sheet.questions)} of the calls can only be judged: wrong in the lower bound, right in the upper"
        )
    if sheet.judged_count:
        lines.append(f"{sheet.judged_count} of the calls were decided by a judge")
    answers, errors = sum(reply.no_call for reply in replies), sum(reply.err for reply in replies)
    lines.append(f"of the replies, {answers} make no call, {errors} cannot be read")
    if sheet.repaired_count:
        kinds = ", ".join(f"{count} {name}" for name, count in sheet.repairs.most_common())
        lines.append(f"{sheet.repaired_count} of the calls were repaired to be read: {kinds}")
    return lines


def _tool_rows(sheet: ScoreSheet) -> list[list[str]]:
    rows = [["tool", "cases", "well-formed", "API match", "correct", "extra arguments", "repaired", ""]]
    for tool, own in sheet.by_tool.items():
        proportions: list[Proportion] = [wellformedness(own), api_match(own), correctness(own)]
        counts = [sum(bool(reply.extra_arguments) for reply in own), sum(bool(reply.repairs) for reply in own)]
        note = "" if own else "no case"
        rows.append([printable(tool), str(len(own)), *map(str, proportions), *map(str, counts), note])
    return rows


def _list_counts(title: str, counts: Counter[str]) -> str:
    if not counts:
        return ""
    lines = [f"{title}:", *(f"  {count:>4}  {printable(name)}" for name, count in counts.most_common(SHOWN))]
    if len(counts) > SHOWN:
        lines.append(f"        and {len(counts) - SHOWN} more, see --format json")
    return "\n".join(lines)


def _list_problems(problems: Sequence[str]) -> str:
    if not problems:
        return ""
    lines = [f"  {printable(problem)}" for problem in problems]
    head = f"{count_noun(len(problems), 'problem')} in the predictions:"
    return "\n".join([head, *first_lines(lines, SHOWN, whole=", see --format json")])
