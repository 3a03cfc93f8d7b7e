"""Exemplars: what finished runs have learnt, to be shown to any model.

Public modules: `exemplar` (the record), `store` (all that a program needs), `selection` (what a search returns),
`run_import` and `jsonl` (where exemplars come from), `rendering` (how a prompt shows them), `verification`, `adoption`,
`view` (a store as a run reads it).
"""
