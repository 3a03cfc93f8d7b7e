"""Packs of exemplars: made from runs, read, and verified."""
