"""Answers that report a failure themselves, although nothing was raised: one rule for all sources of tools."""

from ste_graph.tools.failures.report import Report
from ste_graph.tools.failures.rule import Errors, find_report, judge_answer

__all__ = ["Errors", "Report", "find_report", "judge_answer"]
