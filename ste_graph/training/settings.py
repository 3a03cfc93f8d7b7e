"""Settings of a training: of the optimiser, of checkpoints, of when to stop, and of a low-rank adapter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.models.transformers.precision import Precision


class LoraSettings(Frozen):
    """A low-rank adapter is trained, and the weights of the base stay as they are."""

    rank: Annotated[int, Field(ge=1)] = 8
    """The rank of the adapter."""
    alpha: Annotated[int, Field(ge=1)] = 16
    """The adapter counts `alpha / rank` times."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the adapter's inputs that is dropped in training."""
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """The layers that are adapted, by the ends of their names: `[q_proj, k_proj, v_proj, o_proj]` is the attention."""
    merge: bool = False
    """True: the result is a whole model with the adapter merged in, not an adapter for its base."""


class TrainingSettings(Frozen):
    """Settings of a training. The defaults suit the student; larger models want a lower learning rate, fewer steps."""

    steps: Annotated[int, Field(ge=1)] = 2000
    """The number of optimiser steps."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Rows per batch."""
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] = 1
    """Batches per step, where a whole one does not fit into memory."""
    learning_rate: Annotated[float, Field(gt=0)] = 4e-3
    """Constant after `warmup_steps`, then falling linearly to 0 over the last share `decay` of all steps."""
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    """Steps in which the learning rate rises from 0."""
    decay: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The share of all steps in which the learning rate falls to 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW's weight decay."""
    adam_beta2: Annotated[float, Field(gt=0, lt=1)] = 0.98
    """AdamW's second moment."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Longer gradients are shortened to this norm."""
    max_length: Annotated[int, Field(ge=16)] = 1024
    """In tokens; longer rows are cut."""
    chat: bool = False
    """True: rows are put into the model's chat template, the prompt as the user's message."""
    lora: LoraSettings | None = None
    """Train a low-rank adapter; unset: all weights."""
    precision: Precision = "fp32"
    """The type of the weights while they are trained."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto`: a GPU where there is one."""
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads. More than one makes small models slower, and the result is no longer the same bit for bit."""
    save_steps: Annotated[int, Field(ge=1)] = 500
    """Steps between two checkpoints."""
    until_exact: Annotated[float, Field(gt=0, le=1)] | None = None
    """Stop before all `steps` are done, once this share of the validation rows is answered exactly."""
    eval_steps: Annotated[int, Field(ge=1)] = 200
    """Steps between two validations."""
