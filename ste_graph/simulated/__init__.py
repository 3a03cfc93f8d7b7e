"""The embedded default model: no weights, no key, no network; it proves plumbing and cause, never model quality.

Public modules: `policy` (replies to a conversation), `conversation` (other forms of chat as one), `reading` (tools,
exemplars and lessons in it), `mistakes` (the ways in which a call goes wrong).
"""

from ste_graph.simulated.model import SimulatedModel

__all__ = ["SimulatedModel"]
