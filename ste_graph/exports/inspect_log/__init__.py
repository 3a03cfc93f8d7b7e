"""Runs as logs of inspect_ai, written with its own classes.

Public modules: `export` (one log for each part of a run).
"""
