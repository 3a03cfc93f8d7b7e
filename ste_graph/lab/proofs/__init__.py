"""Proofs of wiring: every arm is run offline, and every prompt is looked at for what memories give and variants remove.

Public modules: `arm` (runs one), `watch` (sees its prompts), `stand_ins` (its model and tools), `canaries` (marks of
what reached a prompt); `prove`, which runs all arms, is imported from here. Inside, `reach` reads the graph, and
`findings` judges.
"""

from ste_graph.lab.proofs.proof import Proof, prove

__all__ = ["Proof", "prove"]
