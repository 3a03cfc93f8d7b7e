"""Callbacks of the trainer: one tells how far a training is, one ends it once enough is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from ste_graph.models.completion import Completer
from ste_graph.training.exactness import exactness
from ste_graph.training.rows import Row

if TYPE_CHECKING:
    from ste_graph.training.fitting import Fit

ASIDE: Final = 100
"""Rows that are set aside to tell whether the model knows enough; never more than a tenth of all."""


def set_aside(rows: Sequence[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """The rows to learn, and those to try the model on, drawn by `seed`."""
    chosen = frozenset(Random(f"{seed} aside").sample(range(len(rows)), min(ASIDE, max(1, len(rows) // 10))))
    return (
        [row for number, row in enumerate(rows) if number not in chosen],
        [row for number, row in enumerate(rows) if number in chosen],
    )


def stop_when_known(model: Any, tokenizer: Any, rows: Sequence[Row], how: Fit, say: Callable[[str], None]) -> Any:
    """What ends a training as soon as the model answers enough of `rows` exactly."""
    from transformers import TrainerCallback

    class Looking(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step % how.look_every:
                return
            model.eval()
            replies = Completer(model, tokenizer).to_rows([row.prompt for row in rows], tokens=128, chat=how.chat)
            model.train()
            exact = exactness(rows, replies).exact
            say(f"step {state.global_step:,}: {100 * exact:.0f} % exact of {len(rows)} rows set aside")
            control.should_training_stop |= exact >= (how.until or 0)

    return Looking()


def telling(say: Callable[[str], None]) -> Any:
    """What tells which step a training is at, and its loss."""
    from transformers import TrainerCallback

    class Telling(TrainerCallback):
        said_at = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if time.monotonic() - self.said_at < 1:
                return
            self.said_at = time.monotonic()
            loss = next((f", loss {entry['loss']:.3f}" for entry in reversed(state.log_history) if "loss" in entry), "")
            say(f"step {state.global_step:,} of at most {state.max_steps:,}{loss}")

    return Telling()
