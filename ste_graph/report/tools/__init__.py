"""The report for the author of tools: what a model gets wrong about them, from the records of runs.

Public modules: `report` (all findings of some runs), `render` (as text and as Markdown).
"""
