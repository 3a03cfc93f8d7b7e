"""The run of a workflow: units side by side, each over its step log, under a budget.

Public modules:

* `execution`: runs one; `executor`: where its units are run; `units`: which they are; `preflight`: checks before it
* `folder`: its files; `lock_file`: what it was begun with; `summary`, `costs`: what came of it
* `models`, `tools`, `toolboxes`, `memories`: what it has open; `context`: what all of it shares
* `observers`: who reads its files while it goes on; `control`: stopping and pausing it from another terminal
* `unit/`: runs one unit; `logs/`: writes what it did; `forks/`: goes on from a point of it

`cassettes/` records and replays a run.
"""
