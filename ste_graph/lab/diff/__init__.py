"""The differences of two workflows, variants or runs.

Public modules: `text` (a difference, for a person or a program); `compare` and the rest are imported from here. Inside,
`sides` opens what is compared, `workflows` compares what is fixed before a run, `prompts` what a model is shown,
`outcomes` what two runs came to; `difference` puts them together.
"""

from ste_graph.lab.diff.difference import WorkflowDifference, compare
from ste_graph.lab.diff.sides import Side, open_sides

__all__ = ["Side", "WorkflowDifference", "compare", "open_sides"]
