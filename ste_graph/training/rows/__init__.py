"""Training rows: one prompt and the completion that should follow it.

Public modules: `row` (the row and its reader), `examples` (the examples of a run), `format`, `messages`, `paper` and
`export` (examples as rows in three formats), `files` (the rows of a run, written to files in batches of tools).
"""
