"""One operation of an API as a tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.contracts import Effect, Json, Observation
from ste_graph.tools.openapi.operation import Operation
from ste_graph.tools.openapi.request import BadArgumentError, build_request
from ste_graph.tools.openapi.service import Service


@dataclass(frozen=True, repr=False)
class OpenAPITool:
    """An operation as a tool: an answer of any status becomes an observation."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    operation: Operation
    service: Service
    effect_note: str | None = None

    def __repr__(self) -> str:
        return f"OpenAPITool({self.name}: {self.operation.method} {self.operation.path})"

    @property
    def backend(self) -> object:
        return self.service

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        try:
            request = build_request(self.operation, arguments)
        except BadArgumentError as error:
            text = f"Invalid arguments for `{self.name}`:\n- {error}"
            return Observation(ok=False, kind="invalid_arguments", text=text)
        return await self.service.send(request)
