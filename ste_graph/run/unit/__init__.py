"""One unit of a run.

Public modules: `unit_run` (runs its steps), `unit_context` and `step_context` (what it has, and what a node may do),
`record_maker` (its records), `write_ahead` and `pending` (calls that may change the world, and those that wait for a
person), `reset` (tools that keep a state).
"""
