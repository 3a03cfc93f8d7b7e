"""A model of a run as its nodes have it: free of secrets, and recorded or replayed where the run says so."""

from __future__ import annotations

from ste_graph.contracts import Model, ModelRequest, Reply
from ste_graph.errors import ModelError
from ste_graph.models.meter import Meter
from ste_graph.models.recorded import request_key
from ste_graph.redaction import Redactor
from ste_graph.run.cassette import Cassette


class TapedModel:
    """A `Model` around another one, which a replay never asks; budgets and counts hold in a replay too."""

    def __init__(self, model: Model, cassette: Cassette, redactor: Redactor, meter: Meter) -> None:
        self._model = model
        self._cassette = cassette
        self._redactor = redactor
        self._meter = meter

    @property
    def label(self) -> str:
        return self._model.label

    async def reply(self, request: ModelRequest) -> Reply:
        live = self._cassette.mode == "live"
        key = "" if live else request_key(request)
        if self._cassette.mode == "replay":
            with self._meter.model_call():
                reply = self._cassette.reply(self.label, key, request.messages)
                self._meter.add_usage(reply.usage)
                return reply
        try:
            reply = self._clean(await self._model.reply(request))
        except ModelError as error:
            clean = ModelError(self._redactor.redact(str(error)))
            if self._cassette.mode == "record":
                self._cassette.keep_reply(self.label, key, clean)
            raise clean from None
        if self._cassette.mode == "record":
            self._cassette.keep_reply(self.label, key, reply)
        return reply

    def _clean(self, reply: Reply) -> Reply:
        if self._redactor.is_empty:
            return reply
        calls = tuple(
            call.model_copy(
                update={"name": self._redactor.redact(call.name), "arguments": self._redactor.redact(call.arguments)}
            )
            for call in reply.tool_calls
        )
        changed = {"text": self._redactor.redact(reply.text), "data": self._redactor.redact_data(reply.data)}
        return reply.model_copy(update={**changed, "tool_calls": calls})
