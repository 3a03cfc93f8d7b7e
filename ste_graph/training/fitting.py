"""Fitting: a causal language model is trained on rows, completions only, and resumes from its last checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ste_graph.contracts import Frozen
from ste_graph.models.transformers.completion import load_pretrained
from ste_graph.scoring.subject import ModelSubject, model_digest
from ste_graph.training.callbacks import early_stopping, progress_reporting, split_validation
from ste_graph.training.errors import TrainingError, find_missing_packages, report_full_disk
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.settings import TrainingSettings
from ste_graph.training.trainer import make_trainer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TrainingResult(Frozen):
    """The folder of the trained model, and how the training went."""

    model: str
    subject: ModelSubject
    """The subject of an adoption of the model."""
    rows: int
    steps: int
    first_loss: float
    loss: float
    """The mean over the last steps that were logged together."""
    losses: list[tuple[int, float]]
    """The mean over the steps that were logged together, each with the last of these steps, from 1."""
    seconds: float
    """Of this process, without those of an interrupted one before it."""
    cpu_seconds: float
    resumed_at: int = 0
    """The step of the checkpoint from which it was resumed."""


def fit(
    base: str,
    rows: Sequence[TrainingRow],
    folder: Path,
    settings: TrainingSettings | None = None,
    *,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainingResult:
    """Trains `base` on rows and writes the result, which vLLM and transformers load, to `folder`.

    Checkpoints are in `folder/checkpoints` meanwhile. If there is one, the training resumes from it and ends with the
    same weights bit by bit (one thread, CPU). Raises `TrainingError` if the loss is no longer finite, the disk is full,
    or the base cannot be loaded.

    Args:
        base: A model's name on the hub, or its folder.
        rows: The rows to learn.
        folder: The folder for the result.
        settings: The settings of the training.
        seed: The seed of the order of rows and of everything else that is random.
        progress: Called with the step and the loss, at most once a second.
    """
    settings = settings or TrainingSettings()
    if not rows:
        raise TrainingError("there are no rows to train on; expected at least one")
    if missing := find_missing_packages():
        raise TrainingError(missing)
    import torch
    from transformers import set_seed, trainer_utils

    torch.set_num_threads(settings.threads)
    set_seed(seed)
    model, tokenizer = load_model(base, settings)
    checkpoints = folder / "checkpoints"
    untyped: Any = trainer_utils
    last = untyped.get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    began, used = time.monotonic(), time.process_time()
    with report_full_disk(folder):
        checkpoints.mkdir(parents=True, exist_ok=True)
        training_rows, validation_rows = split_validation(rows, seed) if settings.until_exact else (rows, [])
        trainer = make_trainer(model, tokenizer, training_rows, checkpoints, settings, seed)
        if settings.until_exact:
            trainer.add_callback(early_stopping(model, tokenizer, validation_rows, settings, progress))
        trainer.add_callback(progress_reporting(progress))
        trainer.train(resume_from_checkpoint=last)
        losses = [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
        _save(trainer.model, tokenizer, base, folder, settings)
        shutil.rmtree(checkpoints)
    path = str(folder.resolve())
    return TrainingResult(
        model=path,
        subject=ModelSubject(path=path, digest=model_digest(folder)),
        rows=len(rows),
        steps=trainer.state.global_step,
        first_loss=losses[0][1],
        loss=losses[-1][1],
        losses=losses,
        seconds=round(time.monotonic() - began, 1),
        cpu_seconds=round(time.process_time() - used, 1),
        resumed_at=int(Path(last).name.rpartition("-")[2]) if last else 0,
    )


def load_model(base: str, settings: TrainingSettings) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model to train and its tokenizer. Raises `TrainingError` if they cannot be loaded."""
    try:
        model, tokenizer = load_pretrained(base, settings.precision, settings.device)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"`{base}` cannot be loaded; expected a folder with a model that transformers wrote, or the name of one on"
            f" the hub: {str(error).strip().splitlines()[0]}"
        ) from error
    if settings.chat and not tokenizer.chat_template:
        raise TrainingError(f"`{base}` has no chat template; set `chat: false`, or name a chat model")
    return model, tokenizer


def _save(model: Any, tokenizer: PreTrainedTokenizerBase, base: str, folder: Path, settings: TrainingSettings) -> None:
    if settings.lora and settings.lora.merge:
        model = model.merge_and_unload()
    elif settings.lora and Path(base).exists():
        # An adapter names its base; a relative path would be looked for from wherever it is loaded.
        model.peft_config["default"].base_model_name_or_path = str(Path(base).resolve())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
