"""Confidence intervals of a mean over tools, and a test of two arms on the same cases."""

from __future__ import annotations

from ste_graph.stats.bootstrap import bootstrap_t
from ste_graph.stats.interval import LEVEL, TOO_FEW, Estimate, Interval, NoInterval
from ste_graph.stats.mcnemar import mcnemar_mid_p
from ste_graph.stats.paired import paired_difference
from ste_graph.stats.student_t import student_t

__all__ = [
    "LEVEL",
    "TOO_FEW",
    "Estimate",
    "Interval",
    "NoInterval",
    "bootstrap_t",
    "mcnemar_mid_p",
    "paired_difference",
    "student_t",
]
