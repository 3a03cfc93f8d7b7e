"""A LangChain tool as a tool of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ste_graph.contracts import Effect, Json, Observation
from ste_graph.tools.observation import observe_call, observe_fault
from ste_graph.tools.python.signature import remove_titles
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
        if self._takes_one_text:
            return ONE_TEXT
        schema = self.tool.tool_call_schema
        plain = dict(schema) if isinstance(schema, Mapping) else schema.model_json_schema()
        plain.pop("description", None)
        plain.setdefault("type", "object")
        plain.setdefault("additionalProperties", False)
        shortened: dict[str, Json] = remove_titles(plain)
        return shortened

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        # A whole tool call: only so the tool gets its id, and an error that it handles comes back as one.
        call = {"type": "tool_call", "id": "call", "name": self.tool.name, "args": self._rename(arguments)}
        if not self._asynchronous:  # LangChain would take the loop's default executor, which waits for hanging threads
            return await run_in_daemon_thread(lambda: observe_result(lambda: self.tool.invoke(call)))
        try:
            result = await self.tool.ainvoke(call)
        except BaseException as error:
            return observe_fault(error)
        return observe_result(lambda: result)

    def _rename(self, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """The arguments by the names that the tool's model takes: LangChain shows those of the fields instead."""
        fields = getattr(self.tool.args_schema, "model_fields", {})
        aliases = {name: field.validation_alias for name, field in fields.items()}
        names = {name: alias if isinstance(alias, str) else name for name, alias in aliases.items()}
        return {names.get(name, name): value for name, value in arguments.items()}

    @property
    def _takes_one_text(self) -> bool:
        """True for LangChain's oldest form of a tool, whose schema would show its inner workings."""
        simple = sys.modules.get("langchain_core.tools.simple")
        return simple is not None and isinstance(self.tool, simple.Tool) and not self.tool.args_schema

    @property
    def _asynchronous(self) -> bool:
        if hasattr(self.tool, "coroutine"):
            return self.tool.coroutine is not None
        return type(self.tool)._arun is not sys.modules["langchain_core.tools.base"].BaseTool._arun


ONE_TEXT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"__arg1": {"type": "string"}},
    "required": ["__arg1"],
    "additionalProperties": False,
}
"""The arguments of a tool that takes one text, as LangChain names it to models."""


def observe_result(call: Callable[[], Any]) -> Observation:
    """The observation of a call: of a message its content, and whether the tool says that it failed."""
    message: list[Any] = []

    def take_content() -> Any:
        result = call()
        if isinstance(result, sys.modules["langchain_core.messages.tool"].ToolMessage):
            message.append(result)
            return result.content
        return result

    observation = observe_call(take_content)
    if observation.ok and message and message[0].status == "error":
        return observation.model_copy(update={"ok": False, "kind": "tool_error"})
    return observation


def is_langchain_tool(value: Any) -> bool:
    """True for a LangChain tool. LangChain is not imported for it: whoever made the tool has done so."""
    module = sys.modules.get("langchain_core.tools.base")
    return module is not None and isinstance(value, module.BaseTool)
