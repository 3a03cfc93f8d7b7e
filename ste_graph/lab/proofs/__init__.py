"""Proofs of wiring: every arm is run offline, and every prompt is looked at for what memories lend and variants take.

`prove` runs the arms; `arm` runs one, `watch` sees its prompts, `reach` reads the graph, `findings` judges.
"""

from ste_graph.lab.proofs.proof import Proof, prove

__all__ = ["Proof", "prove"]
