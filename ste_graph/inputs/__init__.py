"""Inputs: the sources that a workflow's `data:` can name.

Public modules: `trials`, `examples`, `replies` and `verdicts` (of earlier runs), `cases` and `predictions` (of a test),
`rows` (of a file); `tool_pool` has the tools of a test.
"""
