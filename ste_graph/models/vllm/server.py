"""A vLLM server that belongs to a run."""

from __future__ import annotations

import json
import signal
from typing import ClassVar

from ste_graph.contracts import Frozen
from ste_graph.models.servers.server_process import ServerProcess
from ste_graph.models.servers.servers import ModelServer
from ste_graph.models.vllm.log import cause, last_error, stage


class LoraAdapter(Frozen):
    """A low-rank adapter that the server has in addition to its model."""

    name: str
    """Its name on the server."""
    folder: str
    rank: int


class VLLMServer(ServerProcess):
    """A vLLM server to start. Models that differ in their adapters alone share one."""

    title: ClassVar[str] = "vLLM"
    model: str
    """The model as the settings name it, for messages."""
    adapters: tuple[LoraAdapter, ...] = ()

    @property
    def program(self) -> str:
        return "vllm"

    @property
    def arguments(self) -> tuple[str, ...]:
        if not self.adapters:
            return self.command
        modules = (json.dumps({"name": own.name, "path": own.folder}) for own in self.adapters)
        rank = next(size for size in RANKS if size >= max(own.rank for own in self.adapters))
        return (*self.command, "--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", *modules)

    def join(self, other: ModelServer) -> ModelServer | None:
        if not isinstance(other, VLLMServer) or other.model_copy(update={"adapters": self.adapters}) != self:
            return None
        adapters = tuple(dict.fromkeys((*self.adapters, *other.adapters)))
        return self.model_copy(update={"adapters": adapters})

    def find_stage(self, log: str) -> str:
        return stage(log)

    def find_error(self, log: str) -> str:
        return last_error(log)

    def find_reason(self, status: int, error: str) -> str:
        killed = status == 128 + signal.SIGKILL
        match "memory" if killed else cause(error):
            case "package":
                return (
                    f"{self.command[0]} has no package `vllm`; pip install 'ste-graph[vllm]', or set `python` to the"
                    " interpreter of an environment that has it"
                )
            case "model":
                return (
                    f"model `{self.model}` was not found ({error}); set `model` to a name on the hub that this machine"
                    " can reach, or to a folder (`./folder`)"
                )
            case "memory":
                detail = "it was killed, as the system does when memory runs out" if killed else error
                return (
                    f"memory ran out ({detail}); take a smaller model, or set `max_model_len` or"
                    " `gpu_memory_utilization` in `args`, or end what else uses the memory"
                )
            case "port":
                return self.port_conflict(error)
        return super().find_reason(status, error)


RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks for which vLLM makes room."""
