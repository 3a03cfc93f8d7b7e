"""The circuit that a student begins with: it can copy before it has learnt which text to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

FAST_PAIRS: Final = 4
"""The number of a head's pairs of rotary positions, the fastest, that tell near positions apart."""
SLOW_FROM: Final = 5
"""The pair from which on they turn so slowly that their content can be compared over a whole request."""
KEY_LENGTH: Final = 7.0
"""The length of each pair of a head that looks back: the nearest other position gets 0.5 % of its attention."""
COPY_GAIN: Final = 4.0
"""The factor by which a copied token is written louder than the token itself."""
COPYING_HEADS: Final = 2
"""The number of heads of the second layer that copy; the others are left to chance."""


def write_copying_circuit(model: LlamaForCausalLM) -> None:
    """Lets an untrained model continue its text as the same tokens were continued before (induction heads).

    The width is divided into slots of one head's width (Olsson et al. 2022 name the parts of the circuit):

    * A token's embedding fills the first slot alone.
    * Head h of the first layer looks h + 1 positions back, and writes the embedding found there to slot h + 1. With
      rotary positions, biases alone do that: query and key are the same everywhere, and turned so that their product is
      greatest at the wanted distance.
    * A copying head of the second layer compares its own last tokens (slots 0, 1, …) with those before each position
      (slots 1, 2, …), looks where they are the same, and writes the token at that position into the first slot, from
      which the next token is read.

    From random weights the circuit takes thousands of steps to form, and as many different values; a model of few
    examples learns them by heart instead. It is a beginning only: its weights are as free as all others.
    """
    import torch

    config: Any = model.config
    size, width = config.head_dim, config.hidden_size
    slots, looking_back = width // size, min(config.num_attention_heads, width // size - 1)
    half = size // 2
    turns = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    slow = torch.cat([torch.arange(SLOW_FROM, half), torch.arange(SLOW_FROM, half) + half])
    identity = torch.eye(size)
    scale = width**0.5  # of a slot, where it is the only one: the input of a layer is normalised to that length

    def slot(number: int) -> slice:
        return slice(number * size, (number + 1) * size)

    def read_slot(number: int) -> Tensor:
        """A matrix that reads one slot."""
        return torch.cat([identity if index == number else torch.zeros(size, size) for index in range(slots)], dim=1)

    with torch.no_grad():
        embeddings = model.model.embed_tokens.weight
        embeddings.zero_()
        embeddings[:, slot(0)].normal_(0, size**-0.5)  # each about of length 1
        first, second = (model.model.layers[layer].self_attn for layer in (0, 1))
        for head in range(looking_back):
            query, key = torch.zeros(size), torch.zeros(size)
            angle = turns[:FAST_PAIRS] * (head + 1)
            key[:FAST_PAIRS] = KEY_LENGTH
            query[:FAST_PAIRS] = KEY_LENGTH * torch.cos(angle)
            query[half : half + FAST_PAIRS] = -KEY_LENGTH * torch.sin(angle)
            for projection, bias in ((first.q_proj, query), (first.k_proj, key)):
                projection.weight[slot(head)] = 0
                projection.bias[slot(head)] = bias
            first.v_proj.weight[slot(head)] = read_slot(0)
            first.o_proj.weight[:, slot(head)] = read_slot(head + 1).T / scale
        for head in range(min(COPYING_HEADS, config.num_attention_heads)):
            query, key = torch.zeros(size, width), torch.zeros(size, width)
            for back in range(looking_back):
                # A rotation of its own per distance: the last token is compared with the last, the one before likewise.
                view = torch.nn.init.orthogonal_(torch.empty(len(slow), size))
                query[slow, slot(back)] = view
                key[slow, slot(back + 1)] = view
            second.q_proj.weight[slot(head)], second.k_proj.weight[slot(head)] = query, key
            second.v_proj.weight[slot(head)] = read_slot(0)
            second.o_proj.weight[:, slot(head)] = read_slot(0).T * COPY_GAIN / scale
