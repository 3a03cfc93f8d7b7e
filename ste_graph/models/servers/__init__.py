"""Model servers that a run starts and ends, and what servers tell of themselves.

Public modules: `servers` (all of a run), `server_process` (one of them), `served` (models behind one), `server_facts`.
"""
