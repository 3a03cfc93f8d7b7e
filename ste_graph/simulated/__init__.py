"""The embedded default model: no weights, no key, no network; it proves plumbing and cause, never model quality.

`policy` replies to a conversation; `reading` finds tools, exemplars and lessons in it.
"""

from ste_graph.simulated.model import SimulatedModel

__all__ = ["SimulatedModel"]
