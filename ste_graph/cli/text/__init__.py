"""Text that commands print for a person.

Public modules: `progress`, `lines` and `table` (a run that is going), `outcome` (what came of it), `records`, `trials`,
`scores` and `paper` (what it has found), `expected` and `forecast` (what a run is likely to cost and to show).
"""
