"""The paper's tables, scored again from its released predictions: for `ste score --paper` alone.

Public modules: `published` (the paper's figures), `stored_labels` (those in the files), `reproduction` (both compared).
"""
