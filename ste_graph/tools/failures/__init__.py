"""Answers that report a failure themselves, although nothing was raised: one rule for all sources of tools."""

from ste_graph.tools.failures.report import ReportedFailure
from ste_graph.tools.failures.rule import Errors, find_failure, judge_answer

__all__ = ["Errors", "ReportedFailure", "find_failure", "judge_answer"]
