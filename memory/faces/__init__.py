"""Ways to a store of exemplars from outside.

Public modules: `command` (`ste memory`), `pack_command` (`ste pack`), `server` (MCP), `middleware` and `retriever`
(LangChain).
"""
