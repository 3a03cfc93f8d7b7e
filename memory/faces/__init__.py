"""Ways to a store of exemplars from outside.

Public modules: `command` (`ste memory`), `server` (MCP), `middleware` and `retriever` (LangChain).
"""
