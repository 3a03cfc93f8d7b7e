"""A student: a small language model made from nothing, which learns its tools in minutes on one CPU core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.training.faults import writing
from ste_graph.training.rows import Row

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

HEAD: Final = 32
"""The width of an attention head: the narrowest that vLLM serves on a CPU (0.32, measured)."""


class Student(Frozen):
    """The shape of a Llama small enough to train from scratch.

    Few parameters and many steps: what has to be learnt is to copy, and that comes with steps and not with size.
    """

    hidden: Annotated[int, Field(ge=8)] = 64
    layers: Annotated[int, Field(ge=1)] = 3
    heads: Annotated[int, Field(ge=1)] = 4
    inner: Annotated[int, Field(ge=8)] = 128
    """The width between the two halves of each layer's feed-forward part."""
    rope_theta: Annotated[float, Field(gt=1)] = 500.0
    length: Annotated[int, Field(ge=64)] = 1024
    """The longest text, in tokens."""
    words: Annotated[int, Field(ge=0)] = 2000
    """At most so many words that have a token of their own."""
    phrases: Annotated[int, Field(ge=0)] = 200
    """At most so many phrases that do."""
    look_back: bool = True
    """Whether each head of the first layer begins by looking at one earlier position, see `look_back`."""


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
    if shape.look_back:
        look_back(model)
    with writing(folder):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def look_back(model: LlamaForCausalLM) -> None:
    """Let head h of the first layer begin by reading the token h + 1 places before.

    To copy a value, a model must know what stood before each token, so that it can find the place where the same
    stands in the request (an induction head, Olsson et al. 2022). From random weights that takes a thousand steps and
    more to come about; given the first half of the circuit, the second is learnt in a few hundred. The weights are as
    free as all others.

    With rotary positions, biases alone make such a head: query and key are the same at every place, and turned so that
    their product is greatest at the wanted distance. Only the fast-turning half of the pairs is used, since only they
    tell near distances apart.
    """
    import torch

    strength = 4.25  # of each pair: the nearest other place then gets a hundredth of the attention
    config: Any = model.config
    width = config.hidden_size**-0.5  # each embedding is about of length 1
    half = HEAD // 2
    pairs = torch.arange(half // 2)
    turns = config.rope_parameters["rope_theta"] ** (-pairs / half)
    attention = model.model.layers[0].self_attn
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0, width)
        for head in range(config.num_attention_heads):
            rows = slice(head * HEAD, (head + 1) * HEAD)
            query, key = torch.zeros(HEAD), torch.zeros(HEAD)
            key[pairs] = strength
            query[pairs] = strength * torch.cos(turns * (head + 1))
            query[pairs + half] = -strength * torch.sin(turns * (head + 1))
            attention.q_proj.bias[rows], attention.k_proj.bias[rows] = query, key
            torch.nn.init.orthogonal_(attention.v_proj.weight[rows])
            reader = torch.nn.init.orthogonal_(torch.empty(config.hidden_size, HEAD))
            attention.o_proj.weight[:, rows] = reader * width
