"""Failures that answers report."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ReportedFailure:
    """A failure that an answer reports: `certain`, or a doubt for a person or a judge to settle; `reason` says why."""

    reason: str
    certain: bool = True

    def as_doubt(self, why: str = "") -> ReportedFailure:
        """The same as a doubt, for a further reason."""
        return replace(self, certain=False, reason=f"{self.reason}, {why}" if why else self.reason)


def doubt(reason: str) -> ReportedFailure:
    """A report of a failure that is not certain."""
    return ReportedFailure(reason, certain=False)
