"""Forks: a run that goes on from a point of another run, under another variant.

Public modules: `fork` (the new run), `fork_point` (where it begins).
"""
