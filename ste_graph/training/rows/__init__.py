"""Training rows: one prompt and the completion that should follow it.

Public modules: `row` (the row and its reader), `examples` (the examples of a run), `held_out` (those held out for a
test), `format` and `export` (examples as rows), `files` (the rows of a run, in batches of tools). Inside, `messages`
and `paper` write two of the formats.
"""
