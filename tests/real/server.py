"""The server of the small real model: that of `STE_MODEL_URL` where set, else llama.cpp where it was built, else vLLM.

On two cores llama.cpp takes two thirds of vLLM's time, which has no kernels there for the weights as they are.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ste_graph.models.transformers.precision import has_fast_bf16
from ste_graph.models.vllm import VLLMModel
from tests.real.llama import serve
from tests.real.weights import NAME, WeightsError, find_gguf, find_model, real_model_folder

PYTHON = Path(__file__).parents[2] / ".venv-vllm" / "bin" / "python"


@dataclass(frozen=True)
class ModelServer:
    """A server that answers, and the name of the model it serves."""

    url: str
    model: str

    @property
    def env(self) -> dict[str, str]:
        """The variables that point the bundled workflows at it."""
        return {"STE_MODEL_URL": self.url, "STE_MODEL": self.model}


@asynccontextmanager
async def open_server(log: Path, say: Callable[[str], None]) -> AsyncIterator[ModelServer]:
    """A server of the small real model. Raises `WeightsError` or `ModelError` where there can be none."""
    if url := os.environ.get("STE_MODEL_URL"):
        yield ModelServer(url, os.environ.get("STE_MODEL", NAME))
        return
    program = Path(os.environ.get("LLAMA_SERVER") or real_model_folder() / "llama-server")
    if program.exists() and not os.environ.get("STE_REAL_MODEL"):
        with serve(program, find_gguf()) as url:
            yield ModelServer(url, NAME)
        return
    if not PYTHON.exists():
        raise WeightsError(
            "no server: build llama.cpp (`make real-llama`), run tests/vllm/install, or set STE_MODEL_URL and "
            "STE_MODEL to a server that runs"
        )
    model = VLLMModel(
        model=find_model(),
        served_name=NAME,
        python=str(PYTHON),
        args={
            "dtype": "bfloat16" if has_fast_bf16("cpu") else "float32",
            "max_model_len": 8192,
            "enforce_eager": True,
            "enable_prefix_caching": True,
            "max_num_seqs": 8,
            # vLLM 0.32 on a CPU dies of a seed with a prompt that is read in parts.
            "enable_chunked_prefill": False,
            "max_num_batched_tokens": 8192,
        },
        env={"VLLM_CPU_KVCACHE_SPACE": 3, "HF_HUB_OFFLINE": 1},
    )
    async with model.server.run(log, say) as url:
        yield ModelServer(url, NAME)
