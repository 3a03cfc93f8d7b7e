"""Completion: greedy replies of a model in this process, many prompts at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from ste_graph.contracts import Message
from ste_graph.errors import ModelError
from ste_graph.models.transformers.precision import Precision, choose_precision


class Completer:
    """A causal language model and its tokenizer, ready to go on from prompts."""

    def __init__(self, model: Any, tokenizer: Any, *, batch: int = 64) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch = batch

    @property
    def length(self) -> int:
        """The most tokens that the model reads, prompt and reply together."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        return min(int(self.tokenizer.model_max_length), positions or sys.maxsize)

    def prompt(self, messages: Sequence[Message]) -> str:
        """The prompt for a transcript: by the model's chat template, or, if it has none, the texts alone."""
        if self.tokenizer.chat_template:
            text: str = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
            return text
        return "".join(str(message["content"]) for message in messages)

    def complete_rows(self, prompts: Sequence[str], *, tokens: int, chat: bool = False) -> list[str]:
        """The continuations of the prompts of training rows; with `chat`, each prompt is a user's message."""
        texts = [self.prompt([{"role": "user", "content": prompt}]) for prompt in prompts] if chat else prompts
        return self.complete(texts, tokens=tokens, templated=chat)

    def complete(self, prompts: Sequence[str], *, tokens: int, templated: bool = False) -> list[str]:
        """The most likely continuation of each prompt, in their order, without the end token.

        Args:
            prompts: The texts to continue.
            tokens: The longest continuation.
            templated: True if a chat template has been applied, which puts in special tokens of its own.
        """
        import torch

        # Prompts of like length together: padding is computed in vain.
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
        completions = [""] * len(prompts)
        for start in range(0, len(order), self.batch):
            numbers = order[start : start + self.batch]
            batch = self.tokenizer(
                [prompts[number] for number in numbers],
                return_tensors="pt",
                padding=True,
                padding_side="left",
                add_special_tokens=not templated,
                return_token_type_ids=False,
            ).to(self.model.device)
            with torch.inference_mode():
                output = self.model.generate(
                    **batch,
                    max_new_tokens=tokens,
                    do_sample=False,
                    temperature=None,
                    top_p=None,
                    top_k=None,
                    pad_token_id=self.tokenizer.pad_token_id,
                )
            texts = self.tokenizer.batch_decode(output[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
            for number, text in zip(numbers, texts, strict=True):
                completions[number] = text
        return completions


def load_pretrained(model: str, precision: Precision, device: str) -> tuple[Any, Any]:
    """A causal language model and its tokenizer, which can pad. Raises what transformers raises."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # Without a dtype, transformers keeps that of the file, which a CPU may compute slowly.
    dtype = torch.bfloat16 if choose_precision(precision, device) == "bf16" else torch.float32
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return loaded, tokenizer


@cache
def load_completer(model: str, *, threads: int = 1, device: str = "auto") -> Completer:
    """Load a model on the hub or from a folder; an adapter to a base is loaded with its base.

    Raises `ModelError` where it cannot be loaded.
    """
    try:
        import torch
    except ImportError:
        raise ModelError("`use: transformers` needs packages: pip install 'ste-graph[train]'") from None
    torch.set_num_threads(threads)
    try:
        loaded, tokenizer = load_pretrained(model, "auto", device)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f"`{model}` cannot be loaded; expected a folder with a config.json, or the name of a model on the hub,"
            f" which starts with none of `.`, `/` and `~`: {str(error).strip().splitlines()[0]}"
        ) from error
    if device == "auto" and torch.cuda.is_available():
        loaded = loaded.to("cuda")
    return Completer(loaded, tokenizer)
