"""The paper's tables, scored again from its released predictions: for `ste score --paper` alone.

Public modules: `published` (the paper's figures), `reproduction` (those figures next to ours). Inside, `stored_labels`
has those in the files.
"""
