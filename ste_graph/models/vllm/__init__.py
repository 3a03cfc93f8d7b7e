"""`use: vllm`: a model behind a vLLM server that the run starts and ends, or that runs already."""

from ste_graph.models.vllm.model import VLLMModel

__all__ = ["VLLMModel"]
