"""`use: transformers`: a model that runs in this process.

Also public: `completion` (loading and replies) and `precision` (the number format that is fast on this hardware).
"""

from ste_graph.models.transformers.model import TransformersModel

__all__ = ["TransformersModel"]
