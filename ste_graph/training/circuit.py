"""The circuit that a student begins with: it can copy before it has learnt what is worth copying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

FAST: Final = 4
"""So many of a head's pairs of rotary positions, the fastest, tell near places apart."""
SLOW: Final = 5
"""From this pair on they turn so slowly that what they hold can be compared over a whole request."""
SHARP: Final = 7.0
"""The length of each pair of a head that looks back: the nearest other place gets half a hundredth of its attention."""
STRESS: Final = 4.0
"""How much louder than the token itself a copied one is written."""
COPIERS: Final = 2
"""So many heads of the second layer copy; the others are left to chance."""


def able_to_copy(model: LlamaForCausalLM) -> None:
    """Let an untrained model go on from what it has just said as the same words went on before (induction heads).

    The width is taken as slots of one head's width (Olsson et al. 2022 name the parts of the circuit):

    * A token's embedding fills the first slot alone.
    * Head h of the first layer looks h + 1 places back, and writes the embedding found there to slot h + 1. With rotary
      positions biases alone do that: query and key are the same everywhere, and turned so that their product is
      greatest at the wanted distance.
    * A copying head of the second layer compares its own last tokens (slots 0, 1, …) with those before each place
      (slots 1, 2, …), looks where they are the same, and writes the token that stands there into the first slot, from
      which the next token is read.

    From random weights that takes thousands of steps to come about, and as many different values; so that a model of
    few examples learns them by heart instead. It is a beginning only: the weights are as free as all others.
    """
    import torch

    config: Any = model.config
    size, width = config.head_dim, config.hidden_size
    slots, backs = width // size, min(config.num_attention_heads, width // size - 1)
    half = size // 2
    turns = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    slow = torch.cat([torch.arange(SLOW, half), torch.arange(SLOW, half) + half])
    same = torch.eye(size)
    loudness = width**0.5  # of a slot, where it is the only one: what layers read is brought to that length

    def slot(number: int) -> slice:
        return slice(number * size, (number + 1) * size)

    def only(number: int) -> Tensor:
        """A matrix that reads one slot."""
        return torch.cat([same if one == number else torch.zeros(size, size) for one in range(slots)], dim=1)

    with torch.no_grad():
        words = model.model.embed_tokens.weight
        words.zero_()
        words[:, slot(0)].normal_(0, size**-0.5)  # each about of length 1
        first, second = (model.model.layers[layer].self_attn for layer in (0, 1))
        for back in range(backs):
            query, key = torch.zeros(size), torch.zeros(size)
            angle = turns[:FAST] * (back + 1)
            key[:FAST] = SHARP
            query[:FAST] = SHARP * torch.cos(angle)
            query[half : half + FAST] = -SHARP * torch.sin(angle)
            for part, bias in ((first.q_proj, query), (first.k_proj, key)):
                part.weight[slot(back)] = 0
                part.bias[slot(back)] = bias
            first.v_proj.weight[slot(back)] = only(0)
            first.o_proj.weight[:, slot(back)] = only(back + 1).T / loudness
        for head in range(min(COPIERS, config.num_attention_heads)):
            query, key = torch.zeros(size, width), torch.zeros(size, width)
            for back in range(backs):
                # Told apart by a turn of its own: the last token counts with the last, the one before with its like.
                view = torch.nn.init.orthogonal_(torch.empty(len(slow), size))
                query[slow, slot(back)] = view
                key[slow, slot(back + 1)] = view
            second.q_proj.weight[slot(head)], second.k_proj.weight[slot(head)] = query, key
            second.v_proj.weight[slot(head)] = only(0)
            second.o_proj.weight[:, slot(head)] = only(0).T * STRESS / loudness
