"""Models behind one contract.

Public modules:

* `openai`, `langchain`, `vllm`, `llama_cpp`, `transformers`, `recorded`: the kinds of model
* `adapter`: the base of every kind; `fallback`: a model and those that are asked in its place
* `gateway`: the one way to a model, with retry and budget; `meter`, `prices`: what was used, and what it costs
* `limiter`: requests in flight at a server; `notes`: what a run learns about it; `findings`: what `ste doctor` learnt
* `chat`: the chat protocol; `servers`: those that belong to a run
"""
