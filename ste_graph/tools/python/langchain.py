"""A LangChain tool as a tool of ours."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ste_graph.contracts import Effect, Json, Observation
from ste_graph.tools.observation import observe_call, observe_exception
from ste_graph.tools.python.signature import remove_titles
from ste_graph.tools.text import as_text
from ste_graph.tools.threads import run_in_daemon_thread


@dataclass(frozen=True)
class LangChainTool:
    """A `BaseTool` with the schema that LangChain itself would send to a model."""

    name: str
    tool: Any
    effect: Effect

    @property
    def description(self) -> str:
        return str(self.tool.description)

    @cached_property
    def parameters(self) -> Mapping[str, Json]:
        schema = self.tool.tool_call_schema
        plain = dict(schema) if isinstance(schema, Mapping) else schema.model_json_schema()
        plain.pop("description", None)
        plain.setdefault("type", "object")
        plain.setdefault("additionalProperties", False)
        shortened: dict[str, Json] = remove_titles(plain)
        return shortened

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        if not self._asynchronous:  # LangChain would take the loop's default executor, which waits for hanging threads
            return await run_in_daemon_thread(lambda: observe_call(lambda: self.tool.invoke(dict(arguments))))
        try:
            result = await self.tool.ainvoke(dict(arguments))
            return Observation(ok=True, kind="ok", text=as_text(result))
        except (Exception, SystemExit) as error:
            return observe_exception(error)

    @property
    def _asynchronous(self) -> bool:
        if hasattr(self.tool, "coroutine"):
            return self.tool.coroutine is not None
        return type(self.tool)._arun is not sys.modules["langchain_core.tools.base"].BaseTool._arun


def is_langchain_tool(value: Any) -> bool:
    """True for a LangChain tool. LangChain is not imported for it: whoever made the tool has done so."""
    module = sys.modules.get("langchain_core.tools.base")
    return module is not None and isinstance(value, module.BaseTool)
