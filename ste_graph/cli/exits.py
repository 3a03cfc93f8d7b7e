"""Exit codes that are a promise to scripts."""

from __future__ import annotations

FAILED = 1
"""A unit failed (the others are complete), or the run could not go on."""

WRONG = 2
"""The file, the command line or the run's folder is wrong."""

INTERRUPTED = 130
"""Stopped with Ctrl-C; the same command goes on."""
