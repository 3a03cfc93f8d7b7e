"""`use: transformers`: a model that runs in this process. Also public: `completion`, its loading and its replies."""

from ste_graph.models.transformers.model import TransformersModel

__all__ = ["TransformersModel"]
