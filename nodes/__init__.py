"""The nodes of STE: the paper's verbs, and those of distilling, testing and training.

Public modules: one for each kind of node, or for a few kinds that belong together.
"""
