"""Runs as logs of inspect_ai, written with its own classes."""
