"""The language: YAML to a checked workflow."""
