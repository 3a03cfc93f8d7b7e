"""`use: recorded`: replies from a file, for tests and for runs that must not ask a model again."""

from ste_graph.models.recorded.recording import RecordedReply, request_key
from ste_graph.models.recorded.replay import RecordedModel

__all__ = ["RecordedModel", "RecordedReply", "request_key"]
