"""A student: a small language model created for its tools, which learns them in minutes on one CPU core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from ste_graph.contracts import Frozen
from ste_graph.training.errors import report_full_disk
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.student.circuit import write_copying_circuit

HEAD: Final = 32
"""The width of an attention head: the narrowest that vLLM serves on a CPU (0.32, measured)."""


class StudentShape(Frozen):
    """The shape of a Llama small enough to train from scratch.

    The student has to learn to copy values from the request, and a few examples do not teach that. So it begins able to
    copy, and learns which text to copy, and where to.
    """

    hidden: Annotated[int, Field(ge=8)] = 128
    """The width of the model."""
    layers: Annotated[int, Field(ge=1)] = 3
    """The number of layers."""
    heads: Annotated[int, Field(ge=1)] = 4
    """The number of attention heads."""
    inner: Annotated[int, Field(ge=8)] = 256
    """The width between the two halves of each layer's feed-forward part."""
    rope_theta: Annotated[float, Field(gt=1)] = 1e6
    """The base of the rotary position embedding."""
    length: Annotated[int, Field(ge=64)] = 1024
    """The longest text, in tokens."""
    words: Annotated[int, Field(ge=0)] = 2000
    """The number of words with a token of their own, at most."""
    phrases: Annotated[int, Field(ge=0)] = 200
    """The number of phrases with a token of their own, at most."""
    copies: bool = True
    """True: it begins able to copy, see `write_copying_circuit`. That needs two layers, and a width of 64, 96, …"""

    @model_validator(mode="after")
    def _has_room_to_copy(self) -> Self:
        if self.copies and (self.layers < 2 or self.hidden < 2 * HEAD or self.hidden % HEAD):
            raise ValueError(
                f"to begin able to copy, a student needs at least two layers and a width of {2 * HEAD}, {3 * HEAD}, …;"
                f" these are {self.layers} and {self.hidden}. Set `copies: false`, or another shape"
            )
        return self


def create_student(
    rows: Sequence[TrainingRow], folder: Path, shape: StudentShape | None = None, *, seed: int = 0
) -> Path:
    """Writes an untrained student for these rows, model and tokenizer, to `folder`; returns the folder."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    from ste_graph.training.student.tokenizer import build_tokenizer

    shape = shape or StudentShape()
    tokenizer = build_tokenizer(rows, words=shape.words, phrases=shape.phrases)
    tokenizer.model_max_length = shape.length
    set_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            head_dim=HEAD,
            attention_bias=True,
            max_position_embeddings=shape.length,
            rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    if shape.copies:
        write_copying_circuit(model)
    with report_full_disk(folder):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
