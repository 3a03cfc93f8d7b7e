"""A student: a small language model made from nothing, which learns its tools in minutes on one CPU core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from ste_graph.contracts import Frozen
from ste_graph.training.circuit import able_to_copy
from ste_graph.training.faults import writing
from ste_graph.training.rows import Row

HEAD: Final = 32
"""The width of an attention head: the narrowest that vLLM serves on a CPU (0.32, measured)."""


class Student(Frozen):
    """The shape of a Llama small enough to train from scratch.

    What has to be learnt is to copy values from the request, and a few examples do not teach that: so it begins able
    to, and learns what to copy, and where to.
    """

    hidden: Annotated[int, Field(ge=8)] = 128
    layers: Annotated[int, Field(ge=1)] = 3
    heads: Annotated[int, Field(ge=1)] = 4
    inner: Annotated[int, Field(ge=8)] = 256
    """The width between the two halves of each layer's feed-forward part."""
    rope_theta: Annotated[float, Field(gt=1)] = 1e6
    length: Annotated[int, Field(ge=64)] = 1024
    """The longest text, in tokens."""
    words: Annotated[int, Field(ge=0)] = 2000
    """At most so many words that have a token of their own."""
    phrases: Annotated[int, Field(ge=0)] = 200
    """At most so many phrases that do."""
    copies: bool = True
    """Whether it begins able to copy, see `able_to_copy`; for that it needs two layers, and a width of 64, 96, …"""

    @model_validator(mode="after")
    def _has_room_to_copy(self) -> Self:
        if self.copies and (self.layers < 2 or self.hidden < 2 * HEAD or self.hidden % HEAD):
            raise ValueError(
                f"to begin able to copy it needs two layers and a width of {2 * HEAD}, {3 * HEAD}, …; these are"
                f" {self.layers} and {self.hidden}. Set `copies: false`, or another shape"
            )
        return self


def new_student(rows: Sequence[Row], folder: Path, shape: Student | None = None, *, seed: int = 0) -> Path:
    """Write an untrained student for these rows, model and tokenizer, to `folder`; gives the folder back."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    from ste_graph.training.tokenizer import hybrid_tokenizer

    shape = shape or Student()
    tokenizer = hybrid_tokenizer(rows, words=shape.words, phrases=shape.phrases)
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
        able_to_copy(model)
    with writing(folder):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
