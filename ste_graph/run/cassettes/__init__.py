"""Cassettes: recordings of models and tools, from which a run is replayed.

Public modules: `cassette` (its files), `recording`, `replay`.
"""
