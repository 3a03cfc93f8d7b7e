"""The trainer: TRL's, for completions only, on batches of rows of similar length; stops once the loss is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ste_graph.models.transformers.precision import choose_precision
from ste_graph.training.errors import TrainingError
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.settings import LoraSettings, TrainingSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

GROUPED_BATCHES: Final = 8
"""The number of batches that are drawn and sorted by length together: few enough for batches to stay mixed."""
SMALL_VOCABULARY: Final = 8192
"""Up to so many tokens, the logits of all positions at once take little memory."""


def make_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[TrainingRow],
    checkpoints: Path,
    settings: TrainingSettings,
    seed: int,
) -> Any:
    """TRL's trainer, which computes the loss of completions only and ends each with the end token."""
    # All three are untyped.
    datasets, peft, trl = (import_module(name) for name in ("datasets", "peft", "trl"))
    from transformers import PrinterCallback

    sft_trainer: Any = trl.SFTTrainer
    datasets.disable_progress_bars()

    class FiniteLossTrainer(sft_trainer):  # type: ignore[misc]
        """Stops at the first loss that is not finite: from there on every weight is spoilt."""

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            # TRL computes the logits in parts, to save memory. With a student's few tokens there is none to save, and
            # the step takes a third less time without.
            small = model.config.vocab_size <= SMALL_VOCABULARY
            parent: Any = super(sft_trainer, self) if small else super()
            return parent.compute_loss(model, inputs, *args, **kwargs)

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            rows = self.train_dataset if train_dataset is None else train_dataset
            return _length_grouped_sampler([len(ids) for ids in rows["input_ids"]], settings, seed)

        def training_step(self, *args: Any, **kwargs: Any) -> Any:
            loss = super().training_step(*args, **kwargs)
            if not math.isfinite(float(loss)):
                has_checkpoint = any(checkpoints.glob("checkpoint-*"))
                saved = f"; the last checkpoint before it is in {checkpoints}" if has_checkpoint else ""
                raise TrainingError(
                    f"step {self.state.global_step + 1} of {settings.steps}: the loss is {float(loss)}. Set a smaller"
                    f" `learning_rate` (it is {settings.learning_rate:g}) or more `warmup_steps` (they are"
                    f" {settings.warmup_steps}) and start again{saved}"
                )
            return loss

    trainer = FiniteLossTrainer(
        model=model,
        args=trl.SFTConfig(**_sft_arguments(checkpoints, settings, seed)),
        train_dataset=datasets.Dataset.from_list([_example(row, chat=settings.chat) for row in rows]),
        processing_class=tokenizer,
        peft_config=settings.lora and peft.LoraConfig(**_lora_arguments(settings.lora)),
    )
    trainer.remove_callback(PrinterCallback)  # it prints the log on stdout, where results are expected
    return trainer


def _length_grouped_sampler(lengths: Sequence[int], settings: TrainingSettings, seed: int) -> Any:
    """A sampler of rows of similar length per batch (transformers' grouping), with the batches in random order.

    Differs: transformers' sampler leaves the batches of a group sorted from long to short, with which the student
    gets 2 to 4 points fewer requests right (measured), and draws them from torch's global random state, so that a
    resumed training would see another order. Here seed and epoch decide.
    """
    import torch
    from transformers import trainer_pt_utils

    untyped: Any = trainer_pt_utils
    batch = settings.batch_size * settings.gradient_accumulation_steps

    class BatchSampler(torch.utils.data.Sampler[int]):
        epoch = 0

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

        def __len__(self) -> int:
            return len(lengths)

        def __iter__(self) -> Iterator[int]:
            generator = torch.Generator().manual_seed(seed + self.epoch)
            rows = untyped.get_length_grouped_indices(lengths, batch, GROUPED_BATCHES, generator)
            batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
            # A batch that is not full has to be the last: torch cuts the rows into batches by number.
            rest = [batches.pop()] if len(batches[-1]) < batch else []
            order = torch.randperm(len(batches), generator=generator).tolist()
            return (row for rows in [*(batches[number] for number in order), *rest] for row in rows)

    return BatchSampler()


def _sft_arguments(checkpoints: Path, settings: TrainingSettings, seed: int) -> dict[str, Any]:
    """The settings under the names that TRL's trainer gives them."""
    import torch

    decay_steps = round(settings.steps * settings.decay)
    return dict(
        output_dir=str(checkpoints),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        max_steps=settings.steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": decay_steps, "decay_type": "linear"},
        warmup_steps=min(settings.warmup_steps, settings.steps - decay_steps),
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        max_length=settings.max_length,
        use_cpu=settings.device == "cpu" or not torch.cuda.is_available(),
        bf16=choose_precision(settings.precision, settings.device) == "bf16",
        fp16=False,
        activation_checkpointing=False,
        seed=seed,
        data_seed=seed,
        logging_steps=min(50, max(1, settings.steps // 10)),
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _lora_arguments(lora: LoraSettings) -> dict[str, Any]:
    """The settings under the names that PEFT gives them."""
    return dict(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets if lora.targets == "all-linear" else list(lora.targets),
        task_type="CAUSAL_LM",
    )


def _example(row: TrainingRow, *, chat: bool) -> dict[str, Any]:
    if not chat:
        return {"prompt": row.prompt, "completion": row.completion}
    return {
        "prompt": [{"role": "user", "content": row.prompt}],
        "completion": [{"role": "assistant", "content": row.completion}],
    }
