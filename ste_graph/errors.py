"""The errors a caller can react to; everything else is a bug of ours."""

from __future__ import annotations


class SteError(Exception):
    """Root of all errors that this package raises on purpose. The text says where, what, and what to do."""


class WorkflowError(SteError):
    """The workflow file, the command line or the run folder is wrong (exit code 2)."""


class RunError(SteError):
    """The run as a whole could not go on, for example because the disk is full (exit code 1)."""


class ModelGoneError(RunError):
    """A model cannot be asked at all: the run ends, unless the workflow names another model to ask in its place."""


class ModelError(SteError):
    """A model call failed for good, after its retries: the unit fails, the others go on."""


class NoAnswerError(SteError):
    """A source of tools no longer answers: the unit pauses, and the same command takes it up again."""


class BudgetSpentError(SteError):
    """A budget is spent: what it is of stops cleanly, and can be taken up again with a larger one.

    `meter` is the one that is spent: of a run, of a unit, of a pass of a loop, or of a model.
    """

    def __init__(self, text: str, *, meter: object = None) -> None:
        super().__init__(text)
        self.meter = meter
        self.step: str | None = None
        """The key of the step that it stopped, as the log has it."""
