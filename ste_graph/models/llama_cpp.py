"""`use: llama_cpp`: a model behind a llama-server that the run starts and ends, or that runs already."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ste_graph.errors import ModelError
from ste_graph.models.adapter import is_path
from ste_graph.models.servers.served import ServedModel, arguments
from ste_graph.models.servers.server_process import HOST, ServerProcess
from ste_graph.settings import HubPath, RelativePath


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
            return f"`{self.command[0]}` is not a program here; set `program` to the path of llama.cpp's llama-server"
        return super().find_reason(status, error)


class LlamaCppModel(ServedModel):
    """A model that llama.cpp serves: started for the run and shared by its parts, or, with `url`, used as it runs."""

    settings_of_arguments: ClassVar = {
        "model": "model", "hf_repo": "model", "port": "port", "api_key": "api_key", "lora": "adapter",
    }  # fmt: skip

    model: HubPath = Field(
        description="A file in GGUF form (a path starts with `.`, `/` or `~`), or REPOSITORY[:QUANT] on the hub.",
        examples=["./models/qwen.gguf", "ggml-org/Qwen3-4B-GGUF:Q4_K_M"],
    )
    adapter: RelativePath = Field("", description="A LoRA adapter for the model, as a file in GGUF form.")
    program: RelativePath = Field("", description="llama.cpp's server; unset: `llama-server` of the PATH.")

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
