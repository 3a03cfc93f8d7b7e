"""The workflows, as data."""
