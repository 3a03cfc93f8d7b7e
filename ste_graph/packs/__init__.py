"""Packs: what was learnt and adopted, in a folder that carries its proof.

Public modules: `pack` (a pack, opened for reading), `manifest` (its format and its digests), `sources` (the runs behind
it), `content` (the files of a new one), `drift` (tools that have changed since), `leaks` (what must not be in it),
`check`, `pseudonyms`, `gain` (its cases, put to a model again), `outcome` (a verification, for people and for CI).
"""
