"""The settings of a model that transformers runs in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ste_graph.errors import ModelError
from ste_graph.models.adapter import CheckpointModel, is_path

if TYPE_CHECKING:
    from ste_graph.models.transformers.batching import BatchingClient


class TransformersModel(CheckpointModel):
    """Replies are the most likely ones; requests that wait at the same time are answered together.

    For small models: a student, or a tuned model where no server is at hand. Larger ones are served by `use: vllm`.
    A model without a chat template goes on from the messages' texts.
    """

    max_tokens: int = Field(256, gt=0, description="Longest reply in tokens.")
    batch: int = Field(64, gt=0, description="The most requests that are answered together.")
    threads: int = Field(1, gt=0, description="Of the CPU; for small models more than one is slower.")
    device: Literal["auto", "cpu"] = Field("auto", description="`auto` takes a GPU where there is one.")

    @property
    def label(self) -> str:
        return self.model.rstrip("/").rpartition("/")[2] if is_path(self.model) else self.model

    def open_client(self) -> BatchingClient:
        from ste_graph.models.transformers.batching import BatchingClient

        return BatchingClient(self)

    async def probe(self) -> str | None:
        if is_path(self.model) and not (Path(self.model) / "tokenizer_config.json").is_file():
            raise ModelError(
                f"no model in {self.model}; expected a folder that transformers or `ste run finetune` wrote, or the"
                " name of a model on the hub, which starts with none of `.`, `/` and `~`"
            )
        return None
