"""Fitting: a causal language model is trained on rows, completions only, and can be taken up where it stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.scoring.subject import OfModel, digest_of
from ste_graph.training.callbacks import set_aside, stop_when_known, telling
from ste_graph.training.faults import NEEDS_TRAIN, TrainingError, writing
from ste_graph.training.rows import Row
from ste_graph.training.trainer import trainer_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Lora(Frozen):
    """Train a low-rank addition to the weights, and leave these as they are."""

    rank: Annotated[int, Field(ge=1)] = 8
    alpha: Annotated[int, Field(ge=1)] = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    merge: bool = False
    """Whether the result is a whole model with the addition worked in, and not an adapter to its base."""


class Fit(Frozen):
    """How a model is trained. As set here, for the student; larger models want a smaller `rate` and fewer steps."""

    steps: Annotated[int, Field(ge=1)] = 2000
    batch: Annotated[int, Field(ge=1)] = 16
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Batches to a step, where a whole one does not fit into memory."""
    rate: Annotated[float, Field(gt=0)] = 4e-3
    """The learning rate: constant after `warmup` steps, then falling to nothing over the last `decay` of all."""
    warmup: Annotated[int, Field(ge=0)] = 50
    decay: Annotated[float, Field(ge=0, le=1)] = 0.5
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    beta2: Annotated[float, Field(gt=0, lt=1)] = 0.98
    clip: Annotated[float, Field(gt=0)] = 1.0
    length: Annotated[int, Field(ge=16)] = 1024
    """Longer rows are cut, in tokens."""
    chat: bool = False
    """Whether rows are put into the model's chat template, the prompt as the user's message."""
    lora: Lora | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    device: Literal["auto", "cpu"] = "auto"
    threads: Annotated[int, Field(ge=1)] = 1
    """Of the CPU. More than one makes small models slower, and their training no longer the same to the bit."""
    save_every: Annotated[int, Field(ge=1)] = 500
    """Steps between two checkpoints."""
    until: Annotated[float, Field(gt=0, le=1)] | None = None
    """Stop before all `steps` are done, once this share of rows that were set aside for it is answered exactly."""
    look_every: Annotated[int, Field(ge=1)] = 200
    """Steps between two looks at that."""


class Fitted(Frozen):
    """What came of a training: the folder of the model, and how it went."""

    trained: str
    subject: OfModel
    """What an adoption of the model would adopt."""
    steps: int
    first_loss: float
    loss: float
    """The mean over the last steps that were looked at together."""
    seconds: float
    """Of this process; what an interrupted one did before is not in it."""
    cpu_seconds: float
    resumed_at: int = 0


def fit(
    base: str,
    rows: Sequence[Row],
    folder: Path,
    how: Fit | None = None,
    *,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Train `base` on rows and write the result, which vLLM and transformers load, to `folder`.

    Checkpoints lie in `folder/checkpoints` meanwhile; where there is one, the training goes on from it, to the same
    weights bit by bit (one thread, CPU). Raises `TrainingError` when the loss is no number any more, the disk is full,
    or the base cannot be loaded.

    Args:
        base: A model's name on the hub, or its folder.
        rows: What to learn.
        folder: Where the result goes.
        how: How to train.
        seed: Of the order of rows and of all else that is random.
        say: Is told how far it is, at most once a second.
    """
    how = how or Fit()
    if not rows:
        raise TrainingError("there are no rows to train on; expected at least one")
    if missing := [name for name in ("accelerate", "datasets", "peft", "trl") if find_spec(name) is None]:
        raise TrainingError(f"{NEEDS_TRAIN} (missing: {', '.join(missing)})")
    import torch
    from transformers import set_seed, trainer_utils

    torch.set_num_threads(how.threads)
    set_seed(seed)
    model, tokenizer = loaded(base, how)
    checkpoints = folder / "checkpoints"
    found: Any = trainer_utils  # untyped
    last = found.get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    began, used = time.monotonic(), time.process_time()
    with writing(folder):
        checkpoints.mkdir(parents=True, exist_ok=True)
        learnt, aside = set_aside(rows, seed) if how.until else (rows, [])
        trainer = trainer_of(model, tokenizer, learnt, checkpoints, how, seed)
        if how.until:
            trainer.add_callback(stop_when_known(model, tokenizer, aside, how, say))
        trainer.add_callback(telling(say))
        trainer.train(resume_from_checkpoint=last)
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        _save(trainer.model, tokenizer, base, folder, how)
        shutil.rmtree(checkpoints)
    return Fitted(
        trained=str(folder.resolve()),
        subject=OfModel(path=str(folder.resolve()), digest=digest_of(folder)),
        steps=trainer.state.global_step,
        loss=losses[-1],
        first_loss=losses[0],
        seconds=round(time.monotonic() - began, 1),
        cpu_seconds=round(time.process_time() - used, 1),
        resumed_at=int(Path(last).name.rpartition("-")[2]) if last else 0,
    )


def loaded(base: str, how: Fit) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model to train and its tokenizer. Raises `TrainingError` where they cannot be had."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        kind = torch.bfloat16 if how.precision == "bf16" else torch.float32
        model = AutoModelForCausalLM.from_pretrained(base, dtype=kind)
        tokenizer = AutoTokenizer.from_pretrained(base)
    except (OSError, ValueError) as fault:
        raise TrainingError(
            f"`{base}` cannot be loaded; expected a folder with a model that transformers wrote, or the name of one on"
            f" the hub: {str(fault).strip().splitlines()[0]}"
        ) from fault
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if how.chat and not tokenizer.chat_template:
        raise TrainingError(f"`{base}` has no chat template; set `chat: false`, or name a chat model")
    return model, tokenizer


def _save(model: Any, tokenizer: PreTrainedTokenizerBase, base: str, folder: Path, how: Fit) -> None:
    if how.lora and how.lora.merge:
        model = model.merge_and_unload()
    elif how.lora and Path(base).exists():
        # An adapter names its base; a relative path would be looked for from wherever it is loaded.
        model.peft_config["default"].base_model_name_or_path = str(Path(base).resolve())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
