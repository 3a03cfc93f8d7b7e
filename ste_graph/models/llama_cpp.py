"""`use: llama_cpp`: a model behind a llama-server that the run starts and ends, or that runs already."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from ste_graph.contracts import Json
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, is_path
from ste_graph.models.openai import PLACEHOLDER, OpenAIModel, RequestSettings
from ste_graph.models.server_process import HOST, ServerProcess
from ste_graph.models.servers import PartServers
from ste_graph.models.vllm.model import arguments
from ste_graph.settings import HubPath, RelativePath, Secret, WebAddress

SETTINGS = {"model": "model", "hf_repo": "model", "port": "port", "api_key": "api_key", "lora": "adapter"}
"""Server arguments that have a setting, and that setting."""


class LlamaServer(ServerProcess):
    """A llama-server to start."""

    title: ClassVar[str] = "llama-server"

    @property
    def program(self) -> str:
        return "llama-server"

    def find_stage(self, log: str) -> str:
        return "loading weights" if "load" in log else ""

    def find_error(self, log: str) -> str:
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        wrong = [line for line in lines if "error" in line.lower() or "failed" in line.lower() or "cannot be" in line]
        return (wrong or lines or ["its log is empty"])[-1][-400:]

    def find_reason(self, status: int, error: str) -> str:
        if "cannot be executed" in error or status in (126, 127):
            return f"`{self.command[0]}` is no program here; set `program` to the path of llama.cpp's llama-server"
        return super().find_reason(status, error)


class LlamaCppModel(RequestSettings, Adapter):
    """A model that llama.cpp serves: started for the run and shared by its parts, or, with `url`, used as it runs."""

    model: HubPath = Field(
        description="A file in GGUF form (a path starts with `.`, `/` or `~`), or REPOSITORY[:QUANT] on the hub.",
        examples=["./models/qwen.gguf", "ggml-org/Qwen3-4B-GGUF:Q4_K_M"],
    )
    served_name: str = Field("", description="The model's name in records; unset: by `model`.")
    adapter: RelativePath = Field("", description="A LoRA adapter for the model, as a file in GGUF form.")
    api_key: Secret = Field(
        "", repr=False, description="The server's key; unset: none. A server that is started asks for it then."
    )
    args: dict[str, Json] = Field(
        default_factory=dict,
        description="Any other argument of the server: `{ctx_size: 16384, parallel: 4, jinja: true}`. True is a bare"
        " flag, a list several values.",
    )
    url: WebAddress | None = Field(None, description="Use the server that runs at this address; nothing is started.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on, on this machine only; 0: a free one.")
    program: RelativePath = Field("", description="llama.cpp's server; unset: `llama-server` of the PATH.")
    env: dict[str, str | int | float] = Field(
        default_factory=dict, description="Environment variables of the server, added to those of this process."
    )
    ready_s: float = Field(600.0, gt=0, description="Seconds after which a server that does not answer has failed.")

    @field_validator("args")
    @classmethod
    def _check_args(cls, value: dict[str, Json]) -> dict[str, Json]:
        for name in value:
            if setting := SETTINGS.get(name.replace("-", "_")):
                raise ValueError(f"`{name}` has a setting of its own: write `{setting}:` next to `args:`")
        return value

    @model_validator(mode="after")
    def _check_conflicts(self) -> Self:
        starting = ("adapter", "args", "port", "program", "env", "ready_s")
        needless = [name for name in starting if self.url and name in self.model_fields_set]
        if needless:
            raise ValueError(f"`{needless[0]}` starts a server, and `url` uses one that runs: leave one of them out")
        return self

    @property
    def label(self) -> str:
        return self.served_name or (Path(self.model).stem if is_path(self.model) else self.model)

    @property
    def server(self) -> LlamaServer:
        """The server to start. Raises `ModelError` where it is plain that it cannot."""
        for file in filter(None, (self.model if is_path(self.model) else "", self.adapter)):
            if not Path(file).is_file():
                raise ModelError(f"llama-server cannot start: no file {file}; expected one in GGUF form")
        named = ("--model" if is_path(self.model) else "--hf-repo", self.model, "--alias", self.label)
        adapter = ("--lora", self.adapter) if self.adapter else ()
        return LlamaServer(
            command=(self.program or "llama-server", *named, *adapter, *arguments({"host": HOST, **self.args})),
            env=({"LLAMA_API_KEY": self.api_key} if self.api_key else {})
            | {name: str(value) for name, value in self.env.items()},
            port=self.port,
            ready_s=self.ready_s,
        )

    def needed_server(self) -> LlamaServer | None:
        return None if self.url else self.server

    async def start(self, name: str, servers: PartServers) -> Adapter:
        if not self.url:
            return self.openai_model(await servers.start(self.server, name))
        url = self.url.rstrip("/")
        return self.openai_model(url if url.endswith("/v1") else f"{url}/v1")

    def openai_model(self, address: str) -> OpenAIModel:
        """The model as it is asked, at the API's address."""
        shared = {name: getattr(self, name) for name in RequestSettings.model_fields}
        return OpenAIModel(
            **shared | {"base_url": address, "model": self.label, "api_key": self.api_key or PLACEHOLDER}
        )
