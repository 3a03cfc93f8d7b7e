"""The files that a run writes as it goes.

Public modules: `step_log` and `logged_step` (the truth), `steps` (on their way into it), `journal` (the records),
`events`, `usage_counts` (of a step or a unit), `logged_entries` (of memories), `compaction` (of finished logs).
"""
