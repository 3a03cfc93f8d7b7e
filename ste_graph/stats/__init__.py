"""How sure a mean over tools is."""

from __future__ import annotations

from ste_graph.stats.bootstrap import bootstrap_t
from ste_graph.stats.interval import LEVEL, TOO_FEW, Estimate, Interval, NoInterval
from ste_graph.stats.paired import paired
from ste_graph.stats.student import student

__all__ = ["LEVEL", "TOO_FEW", "Estimate", "Interval", "NoInterval", "bootstrap_t", "paired", "student"]
