"""Callbacks of the trainer: one reports progress, one stops the training once the model answers well enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from ste_graph.models.transformers.completion import Completer
from ste_graph.training.exactness import exactness
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.settings import TrainingSettings

VALIDATION_ROWS: Final = 100
"""Rows held back for validation; never more than a tenth of all."""


def split_validation(rows: Sequence[TrainingRow], seed: int) -> tuple[list[TrainingRow], list[TrainingRow]]:
    """The rows to train on, and the validation rows, drawn by `seed`."""
    count = min(VALIDATION_ROWS, max(1, len(rows) // 10))
    chosen = frozenset(Random(f"{seed} validation").sample(range(len(rows)), count))
    return (
        [row for number, row in enumerate(rows) if number not in chosen],
        [row for number, row in enumerate(rows) if number in chosen],
    )


def early_stopping(
    model: Any,
    tokenizer: Any,
    validation_rows: Sequence[TrainingRow],
    settings: TrainingSettings,
    progress: Callable[[str], None],
) -> Any:
    """A callback that stops the training once the model answers `until_exact` of the validation rows exactly."""
    from transformers import TrainerCallback

    class EarlyStopping(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step % settings.eval_steps:
                return
            model.eval()
            prompts = [row.prompt for row in validation_rows]
            replies = Completer(model, tokenizer).complete_rows(prompts, tokens=128, chat=settings.chat)
            model.train()
            exact = exactness(validation_rows, replies).exact
            progress(f"step {state.global_step:,}: {100 * exact:.0f} % exact of {len(validation_rows)} validation rows")
            control.should_training_stop |= exact >= (settings.until_exact or 0)

    return EarlyStopping()


def progress_reporting(progress: Callable[[str], None]) -> Any:
    """A callback that reports the step and the loss, at most once a second."""
    from transformers import TrainerCallback

    class ProgressReporting(TrainerCallback):
        reported_at = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if time.monotonic() - self.reported_at < 1:
                return
            self.reported_at = time.monotonic()
            loss = next((f", loss {entry['loss']:.3f}" for entry in reversed(state.log_history) if "loss" in entry), "")
            progress(f"step {state.global_step:,} of at most {state.max_steps:,}{loss}")

    return ProgressReporting()
