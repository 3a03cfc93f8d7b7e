"""A model of the hub or in a folder, run in this process by transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ste_graph.errors import ModelError
from ste_graph.models.gated import GatedModel, is_path
from ste_graph.settings import HubPath

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class TransformersModel(GatedModel):
    """Replies are the most likely ones; requests that wait at the same time are answered together.

    For small models: a student, or a tuned model where no server is at hand. Larger ones are served by `use: vllm`.
    A model without a chat template goes on from the messages' texts.
    """

    model: HubPath = Field(
        description="A name on the model hub, or a folder: a path starts with `.`, `/` or `~`.",
        examples=["./checkpoints/student", "Qwen/Qwen3-0.6B"],
    )
    max_tokens: int = Field(256, gt=0, description="Longest reply in tokens.")
    batch: int = Field(64, gt=0, description="At most so many requests are answered together.")
    threads: int = Field(1, gt=0, description="Of the CPU; for small models more than one is slower.")
    device: Literal["auto", "cpu"] = Field("auto", description="`auto` takes a GPU where there is one.")

    @property
    def label(self) -> str:
        return self.model.rstrip("/").rpartition("/")[2] if is_path(self.model) else self.model

    @property
    def gated(self) -> str:
        return self.model

    def chat(self) -> BaseChatModel:
        from ste_graph.models.batching import BatchedChat

        return BatchedChat(
            model=self.model, tokens=self.max_tokens, together=self.batch, threads=self.threads, device=self.device
        )

    async def probe(self) -> str | None:
        from pathlib import Path

        if is_path(self.model) and not (Path(self.model) / "tokenizer_config.json").is_file():
            raise ModelError(
                f"there is no model in {self.model}; expected a folder that transformers or `ste run finetune`"
                " wrote, or the name of a model on the hub, which starts with none of `.`, `/` and `~`"
            )
        return None
