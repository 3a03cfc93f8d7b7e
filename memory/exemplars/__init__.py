"""Exemplars: what finished runs have learnt, to be shown to any model.

Public modules: `exemplar` (the record, and those of a run), `store` (all that a program needs), `selection` (what a
search returns), `source` (the names of stores) and `jsonl` (files of exemplars), `rendering` (how a prompt shows them),
`verification`, `adoption`, `view` (a store as a run reads it). `backends/` keeps them, `search/` finds them, `packs/`
makes packs of them.
"""
