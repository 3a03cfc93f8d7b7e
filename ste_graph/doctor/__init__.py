"""The abilities of a model's server, found out by asking it: `ste doctor`.

Public modules: `models` (whom to ask), `diagnosis` (the findings). Inside, `examine` asks in order, each question in a
module of its own; `asking` sends requests as a run does, and `paste` writes the YAML lines for the findings.
"""
