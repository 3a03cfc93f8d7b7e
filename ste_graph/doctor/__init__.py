"""The abilities of a model's server, found out by asking it: `ste doctor`.

`models` says whom to ask, `examine` asks in order, each question in a module of its own; `asking` sends requests as a
run does; `diagnosis` holds the findings, and `paste` writes the YAML lines for it.
"""
