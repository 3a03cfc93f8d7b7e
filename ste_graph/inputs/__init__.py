"""Inputs: the sources that a workflow's `data:` can name.

Public modules: `trials`, `examples`, `training_side`, `replies`, `verdicts` and `forms` (of earlier runs), `cases` and
`predictions` (of a test), `rows` (of a file), `kept` (of a pack). Inside, `tool_pool` has the tools of a test.
"""
