"""One unit of a run: its steps, what a node may do in them, its meters and records."""
