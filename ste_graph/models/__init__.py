"""Models behind one contract.

Public: `adapter` (the base of every kind of model), `gateway` (retry, budget, requests in flight), `meter`, `servers`
(those that belong to a run), and the kinds of model: `openai`, `langchain`, `vllm`, `transformers`, `recorded`.
"""
