"""The run: units, step log, journal, budget."""
