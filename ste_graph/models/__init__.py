"""Models behind one contract.

Public modules:

* `openai`, `langchain`, `vllm`, `llama_cpp`, `transformers`, `recorded`: the kinds of model
* `adapter`: the base of every kind; `fallback`: a model and those that are asked in its place
* `gateway`: the one way to a model, with retry and budget; `meter`, `prices`: what was used, and what it costs
* `limiter`, `limiters`: requests in flight at a server, and at all servers of a run
* `notes`: what a run learns about a server; `findings`: what `ste doctor` learnt
* `chat`: the chat protocol; `servers`: those that belong to a run
"""
