"""The laboratory: what a change of a workflow did, by runs that are compared pair by pair.

Public modules: `pairs`.
"""
