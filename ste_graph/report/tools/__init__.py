"""The report for the author of tools: what a model gets wrong about them, from the records of runs.

Public modules: `report` (all that some runs show), `findings` (what to do first), `render` (as text and as Markdown).
"""
