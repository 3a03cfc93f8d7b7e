"""The trainer: TRL's, for completions only, on rows of like length, and stopped where the loss is no number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ste_graph.training.bunches import Bunches
from ste_graph.training.faults import TrainingError
from ste_graph.training.rows import Row

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from ste_graph.training.fitting import Fit, Lora

SMALL_VOCABULARY: Final = 8192
"""Up to so many words, the logits of all places at once take little memory."""


def trainer_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    checkpoints: Path,
    how: Fit,
    seed: int,
) -> Any:
    """TRL's trainer; it computes the loss of completions only, and ends each with the end token."""
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
                saved = (
                    f"; the last checkpoint before it lies in {checkpoints}"
                    if any(checkpoints.glob("checkpoint-*"))
                    else ""
                )
                raise TrainingError(
                    f"step {self.state.global_step + 1} of {how.steps}: the loss is {float(loss)}. Set a smaller `rate`"
                    f" (it is {how.rate:g}) or a longer `warmup` (it is {how.warmup} steps) and start again{saved}"
                )
            return loss

    data = datasets.Dataset.from_list([_example(row, how) for row in rows])
    trainer = Watched(
        model=model,
        args=trl.SFTConfig(**_settings(checkpoints, how, seed)),
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=how.lora and peft.LoraConfig(**_additions(how.lora)),
    )
    trainer.remove_callback(_printer())
    return trainer


def _settings(checkpoints: Path, how: Fit, seed: int) -> dict[str, Any]:
    """What TRL is told of how to train, by its own names."""
    import torch

    return dict(
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


def _additions(lora: Lora) -> dict[str, Any]:
    """What PEFT is told of a low-rank addition."""
    return dict(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


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
