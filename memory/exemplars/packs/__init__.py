"""Packs of exemplars.

Public modules: `packing` (from runs to a pack), `pack_import` (the exemplars in one), `pack_verification` (whether its
tools and their results are still the same).
"""
