"""The units of a run on a Ray cluster: the driver owns logs, memories and models, the workers run the graph.

Public modules: `executor` (the driver), `ray_cluster` (the connection to Ray, and the workers).
"""
