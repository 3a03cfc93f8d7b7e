"""Confidence intervals that answer one of two questions, and tests of two arms on the same cases.

*These tools*: the tools are fixed and the cases are the sample (`proportion_interval`, `gain_interval`). *Tools like
these*: the tools are the sample (`tools_interval`). `make bench` simulates how often each holds the true value.
"""

from __future__ import annotations

from ste_graph.stats.gain import cases_needed, gain_interval, gain_p_value, gain_power
from ste_graph.stats.holm import holm
from ste_graph.stats.interval import LEVEL, TOO_FEW, Estimate, Interval, NoInterval
from ste_graph.stats.mcnemar import mcnemar_mid_p
from ste_graph.stats.proportion import proportion_interval
from ste_graph.stats.rates import rates_p_value
from ste_graph.stats.tools import tools_interval

__all__ = [
    "LEVEL",
    "TOO_FEW",
    "Estimate",
    "Interval",
    "NoInterval",
    "cases_needed",
    "gain_interval",
    "gain_p_value",
    "gain_power",
    "holm",
    "mcnemar_mid_p",
    "proportion_interval",
    "rates_p_value",
    "tools_interval",
]
