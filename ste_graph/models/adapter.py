"""The base of every kind of model (`use:` in `models:`), as the gateway knows it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Protocol

from pydantic import Field, model_validator

from ste_graph.contracts import Frozen, Json, ModelRequest, ToolCall, Usage
from ste_graph.errors import ModelError
from ste_graph.models.notes import ServerNotes
from ste_graph.models.servers.server_facts import ServerFacts
from ste_graph.models.servers.servers import ModelServer, PartServers
from ste_graph.registry import load_entry_point
from ste_graph.settings import HubPath, RelativePath

LONGER = 2
"""The ratio of a later try's longest time to that of the first, if the first may have waited at the server."""


@dataclass(frozen=True, slots=True)
class RawReply:
    """One reply as the model gave it: its text may contain thoughts, and is not cut at stop strings."""

    text: str = ""
    _: KW_ONLY
    tool_calls: tuple[ToolCall, ...] = ()
    data: Json = None
    """The JSON value of a reply to a schema, where the model's library has read it already."""
    usage: Usage = field(default_factory=Usage)
    reasoning: str = ""
    """The thoughts that the server tells apart from the text."""
    finish_reason: str | None = None
    """The reason that the reply ended, in the server's word: `stop`, `length`, …"""
    problem: str = ""
    """The reason that a whole reply is missing, though the model gave one, in the server's words."""

    @property
    def is_empty(self) -> bool:
        """True if it says nothing and calls nothing."""
        return not (self.text.strip() or self.tool_calls or self.data)


class ModelClient(Protocol):
    """A way of asking a model during a run; it belongs to one event loop and may hold connections."""

    async def ask(self, request: ModelRequest) -> RawReply:
        """Make one attempt at a reply; raises whatever error the model's library raises."""

    async def close(self) -> None:
        """Let go of the connections."""


class Adapter(Frozen):
    """One way to a chat model. Fields are the YAML settings; nothing is contacted before `probe` or `open_client`."""

    sampling: ClassVar[bool] = True
    """False where no reply is drawn at random, so that no one misses a temperature."""

    @property
    def label(self) -> str:
        """The name that records and reports show."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it is called")

    @property
    def location(self) -> str:
        """The place where the model is asked, for error messages: never with credentials; "" for this process."""
        return ""

    @property
    def attempt_s(self) -> float | None:
        """Seconds after which one attempt at a reply has failed; None where replies cannot hang."""
        return None

    def check_access(self) -> None:
        """Raise `WorkflowError` where the settings say that the model may not be used."""

    def needed_server(self) -> ModelServer | None:
        """The server that `start` starts; models whose servers can be one share it. Raises `ModelError`."""
        return None

    async def start(self, name: str, servers: PartServers) -> Adapter:
        """Start what the model needs for one run, and return the adapter to ask: this one, or that of a server.

        `name` is the model's in the workflow. Raises `ModelError` if its server cannot start.
        """
        return self

    def check_resumable(self) -> None:
        """Raise `WorkflowError` where a run that has steps already cannot go on with this model."""

    def open_client(self) -> ModelClient:
        """Return a new client without retries of its own. Raises `ModelError` if it cannot be made."""
        raise NotImplementedError(f"{type(self).__name__} gives no client")

    def open_run_client(self, notes: ServerNotes) -> ModelClient:
        """Return a new client for a run, which may keep in the run's notes what it learns about the server."""
        return self.open_client()

    async def probe(self) -> str | None:
        """Raise `ModelError` if the model cannot be asked, within some five seconds and without a chat call.

        Returns a doubt that a person should hear of, though the model may well answer.
        """
        return None

    async def read_facts(self) -> ServerFacts:
        """The facts that its server gives about itself within a few seconds, without a chat call."""
        return ServerFacts()

    def scrub(self, text: str) -> str:
        """Return `text` without the secrets that a server's answer may repeat."""
        return text


class CheckpointModel(Adapter):
    """A model that is loaded from its weights. In a folder, it may depend on an evaluation that adopted it."""

    model: HubPath = Field(
        description="A name on the model hub, or a folder: a path starts with `.`, `/` or `~`.",
        examples=["Qwen/Qwen3-4B-Instruct-2507", "./checkpoints/tuned"],
    )
    only_if: RelativePath = Field(
        "", description="The run of an evaluation: the model is refused unless that adopted what is in its folder."
    )

    @model_validator(mode="after")
    def _check_only_if(self) -> CheckpointModel:
        if self.only_if and not is_path(self.model):
            raise ValueError("`only_if` looks into the model's folder: let `model` be one (`./folder`)")
        return self

    def check_access(self) -> None:
        if self.only_if:
            load_entry_point("checks", "only_if")(self.model, self.only_if)


def is_path(model: str) -> bool:
    """True if a model is named by its folder, and not as one on a hub."""
    return model.startswith((".", "/", "~"))


def unsupported_tools(label: str) -> ModelError:
    """The error of a model without tool calling that is offered tools."""
    return ModelError(f"model `{label}` cannot call tools by itself: set `protocol: react` on the node that asks it")
