"""Forks: a run that goes on from a point of another run, under another variant."""
