"""The run of a workflow: units side by side, each over its step log, under a budget.

`execution` runs one; `folder` has its files, `lock_file` what it was begun with, `summary` what came of it. `unit/`
runs one unit, `logs/` writes what it did, `cassettes/` records and replays it, `forks/` goes on from a point of it.
"""
