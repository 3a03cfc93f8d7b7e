"""The number of cases that a mean over tools is worth, where the tools have different numbers of cases."""

from __future__ import annotations

from collections.abc import Sequence


def effective_cases(spread: Sequence[float], cases: Sequence[int]) -> float:
    """The size of one sample that would know a mean over tools as well; all cases where each tool has as many.

    Each tool counts equally, so a case of a tool that has few moves the mean more. `spread` is an estimate of each
    tool's variance that is above 0 even where its cases agree: three cases that agree say less about their tool than
    thirty. Never more than the tools' number times the harmonic mean of their cases, which takes all tools for alike.

    Args:
        spread: The variance of one case, by tool.
        cases: The number of cases, by tool.
    """
    each = [variance / count for variance, count in zip(spread, cases, strict=True)]
    alike = len(cases) / sum(1 / count for count in cases)
    return len(cases) * min(alike, sum(spread) / sum(each))


def check_counts(cases: Sequence[int], *counted: Sequence[float]) -> None:
    """Raise `ValueError` unless there is a tool, each has a case, and no more of them are counted."""
    if not cases or min(cases) < 1:
        raise ValueError(f"every tool needs a case, and there must be one; got {list(cases)}")
    if any(len(counts) != len(cases) or min(counts) < 0 for counts in counted):
        raise ValueError("the counts are those of the same tools, and none is negative")
    if any(sum(own) > count + 1e-9 for own, count in zip(zip(*counted, strict=True), cases, strict=True)):
        raise ValueError("more cases are counted than there are")
