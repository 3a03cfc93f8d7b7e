"""Confidence intervals of a mean over tools."""

from __future__ import annotations

from ste_graph.stats.bootstrap import bootstrap_t
from ste_graph.stats.interval import LEVEL, TOO_FEW, Estimate, Interval, NoInterval
from ste_graph.stats.paired import paired_difference
from ste_graph.stats.student_t import student_t

__all__ = ["LEVEL", "TOO_FEW", "Estimate", "Interval", "NoInterval", "bootstrap_t", "paired_difference", "student_t"]
