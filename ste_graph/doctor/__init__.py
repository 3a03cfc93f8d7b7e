"""What a model's server can do, found out by asking it: `ste doctor`.

`models` says whom to ask, `examine` asks in order, each question in a module of its own; `asking` sends requests as a
run does; `diagnosis` holds what was found, and `paste` writes the YAML lines for it.
"""
