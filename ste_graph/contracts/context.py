"""The contract of a running node with the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ste_graph.contracts.model import Model, Reply
from ste_graph.contracts.tool import Observation
from ste_graph.contracts.values import Json


class Context(Protocol):
    """Services of the engine for one run of a node: models, tools, the transcript, progress."""

    async def ask(
        self,
        model: Model,
        prompt: Any,  # a Prompt; its module imports this one
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: bool | Sequence[Mapping[str, Json]] = False,
    ) -> Reply:
        """Render `prompt`, call `model`, and add both messages to the transcript named in the node's `transcript:`.

        Args:
            model: The model to ask.
            prompt: The prompt, sent as one user message.
            stop: Strings at which the reply must end.
            schema: JSON Schema of the reply; `Reply.data` then holds it, where the model supports that.
            tools: True if the model may call the unit's tools by its own tool calling, see `Reply.tool_calls`; or those
                that it may call, as plain data with `name`, `description` and `parameters`.
        """

    async def answer_tool_call(self, model: Model, result: str, *, otherwise: Any) -> Reply:
        """Send `result` as the tool message of the call that the last reply asked for, and return the next reply.

        Where the transcript holds no open call, the prompt `otherwise` is sent instead. The tools stay on offer.
        """

    async def call_tool(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        """Call one of the unit's tools, through validation, policy and limits. Never raises for a tool's fault."""

    def progress(self, text: str) -> None:
        """Show a watching person how far the node is. The text is shown in passing and not stored."""

    def output_path(self, name: str) -> Path:
        """The path in the run's folder at which the node may write a file or folder `name`; the same when resumed."""

    def known_protocol(self, model: Model) -> str | None:
        """The form in which calls are best asked of `model`, as its run knows it; None where nobody has found out.

        It is one of `native`, `json` and `react`, and the same for a whole run, also when that is resumed.
        """

    @property
    def seed(self) -> int:
        """A number in [0, 2**63) for what the node draws at random: of this step alone, and the same when resumed."""

    @property
    def tool_schemas(self) -> Mapping[str, Mapping[str, Json]]:
        """The JSON Schemas of the arguments of the unit's tools, by the tools' names."""

    @property
    def tools(self) -> Mapping[str, Mapping[str, Json]]:
        """The unit's tools by name, as plain data: `name`, `description`, `parameters`, `effect`, `fingerprint`."""
