"""The errors a caller can react to; everything else is a bug of ours."""

from __future__ import annotations


class SteError(Exception):
    """Root of all errors that this package raises on purpose. The text says where, what, and what to do."""


class WorkflowError(SteError):
    """The workflow file, the command line or the run folder is wrong (exit code 2)."""


class RunError(SteError):
    """The run as a whole could not go on, for example because the disk is full (exit code 1)."""


class ModelError(SteError):
    """A model call failed for good, after its retries: the unit fails, the others go on."""


class NoAnswerError(SteError):
    """A source of tools no longer answers: the unit pauses, and the same command takes it up again."""


class BudgetSpentError(SteError):
    """The run's budget is spent: the run stops cleanly and can be taken up again with a larger one."""
