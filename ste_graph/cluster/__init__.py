"""The units of a run on a Ray cluster: the driver owns logs, memories and models, the workers run the graph."""
