"""Fitting: a causal language model is trained on rows, completions only, and can be taken up where it stopped."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.models.completion import Completer
from ste_graph.scoring.subject import OfModel, digest_of
from ste_graph.training.bunches import Bunches
from ste_graph.training.exactness import exactness
from ste_graph.training.faults import NEEDS_TRAIN, TrainingError, writing
from ste_graph.training.rows import Row

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


SMALL_VOCABULARY: Final = 8192


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
        learnt, aside = _set_aside(rows, seed) if how.until else (rows, [])
        trainer = _trainer(model, tokenizer, learnt, checkpoints, how, seed)
        if how.until:
            trainer.add_callback(_stop_when_known(model, tokenizer, aside, how, say))
        trainer.add_callback(_telling(say))
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


def _trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    checkpoints: Path,
    how: Fit,
    seed: int,
) -> Any:
    """TRL's trainer; it computes the loss of completions only, and ends each with the end token."""
    import torch

    # None of them says its types.
    datasets, peft, trl = (import_module(name) for name in ("datasets", "peft", "trl"))
    trainer_of_trl: Any = trl.SFTTrainer
    datasets.disable_progress_bars()

    class Watched(trainer_of_trl):  # type: ignore[misc]
        """Stops at the first loss that is no number: from there on every weight is spoilt."""

        def compute_loss(self, model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
            # TRL works the logits out in parts, to save memory. With a student's few words there is none to save, and
            # the step takes a third less time without.
            plain = model.config.vocab_size <= SMALL_VOCABULARY
            above: Any = super(trainer_of_trl, self) if plain else super()
            return above.compute_loss(model, inputs, *given, **named)

        def _get_train_sampler(self, train_dataset: Any = None) -> Bunches:
            rows = self.train_dataset if train_dataset is None else train_dataset
            return Bunches([len(ids) for ids in rows["input_ids"]], how.batch * how.accumulate, seed=seed)

        def training_step(self, *given: Any, **named: Any) -> Any:
            loss = super().training_step(*given, **named)
            if not math.isfinite(float(loss)):
                saved = f"; the last checkpoint before it lies in {checkpoints}" if any(checkpoints.iterdir()) else ""
                raise TrainingError(
                    f"step {self.state.global_step + 1} of {how.steps}: the loss is {float(loss)}. Set a smaller `rate`"
                    f" (it is {how.rate:g}) or a longer `warmup` (it is {how.warmup} steps) and start again{saved}"
                )
            return loss

    settings = trl.SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=how.batch,
        gradient_accumulation_steps=how.accumulate,
        max_steps=how.steps,
        learning_rate=how.rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": round(how.steps * how.decay), "decay_type": "linear"},
        warmup_steps=min(how.warmup, how.steps - round(how.steps * how.decay)),
        weight_decay=how.weight_decay,
        adam_beta2=how.beta2,
        max_grad_norm=how.clip,
        max_length=how.length,
        use_cpu=how.device == "cpu" or not torch.cuda.is_available(),
        bf16=how.precision == "bf16",
        fp16=False,
        activation_checkpointing=False,
        seed=seed,
        data_seed=seed,
        logging_steps=min(50, max(1, how.steps // 10)),
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=how.save_every,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    lora = how.lora and peft.LoraConfig(
        r=how.lora.rank,
        lora_alpha=how.lora.alpha,
        lora_dropout=how.lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    data = datasets.Dataset.from_list([_example(row, how) for row in rows])
    trainer = Watched(model=model, args=settings, train_dataset=data, processing_class=tokenizer, peft_config=lora)
    trainer.remove_callback(_printer())
    return trainer


ASIDE: Final = 100
"""Rows that are set aside to tell whether the model knows enough; never more than a tenth of all."""


def _set_aside(rows: Sequence[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """The rows to learn, and those to try the model on, drawn by `seed`."""
    chosen = frozenset(Random(f"{seed} aside").sample(range(len(rows)), min(ASIDE, max(1, len(rows) // 10))))
    return (
        [row for number, row in enumerate(rows) if number not in chosen],
        [row for number, row in enumerate(rows) if number in chosen],
    )


def _stop_when_known(model: Any, tokenizer: Any, rows: Sequence[Row], how: Fit, say: Callable[[str], None]) -> Any:
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


def _telling(say: Callable[[str], None]) -> Any:
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


def _printer() -> type:
    """What prints a trainer's log on stdout, where results are expected."""
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _example(row: Row, how: Fit) -> dict[str, Any]:
    if not how.chat:
        return {"prompt": row.prompt, "completion": row.completion}
    return {
        "prompt": [{"role": "user", "content": row.prompt}],
        "completion": [{"role": "assistant", "content": row.completion}],
    }


def _save(model: Any, tokenizer: PreTrainedTokenizerBase, base: str, folder: Path, how: Fit) -> None:
    if how.lora and how.lora.merge:
        model = model.merge_and_unload()
    elif how.lora and Path(base).exists():
        # An adapter names its base; a relative path would be looked for from wherever it is loaded.
        model.peft_config["default"].base_model_name_or_path = str(Path(base).resolve())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
