"""The contract of chat models: a request, a reply, and who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, runtime_checkable

from ste_graph.contracts.values import Frozen, Json

Message: TypeAlias = dict[str, Json]
"""One chat message as plain JSON in OpenAI form, as LangChain's `convert_to_messages` reads it:
`{"role": "user" | "assistant" | "system" | "tool", "content": str, …}`."""

SIMULATED: Final = "simulated"
"""The beginning of the labels of models that only simulate one, and of all that such a model had a part in."""


def is_simulated(label: object) -> bool:
    """True if a label is that of a simulated model: its results prove plumbing only."""
    return isinstance(label, str) and label.startswith(SIMULATED)


class Usage(Frozen):
    """Tokens of one model reply, 0 where the server does not say; those of replies that were asked for again count."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Those of the prompt that the server had read before, by its own count."""
    estimated: bool = False
    """True if the server counts nothing and a budget needs a count, so that it was made here from the texts."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            estimated=self.estimated or other.estimated,
        )


class ToolCall(Frozen):
    """A call that a model asks for by its own tool calling; `arguments` is what it wrote, as a rule a JSON object."""

    id: str
    name: str
    arguments: str


class Reply(Frozen):
    """One reply of a model, without its thoughts. `data` is set only when a `schema` was asked for and was followed."""

    text: str
    usage: Usage = Usage()
    data: Json = None
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    """The thoughts of a reasoning model, which no transcript keeps."""
    finish_reason: str | None = None
    """The reason that the reply ended, in the server's word: `stop`, `length`, …"""
    problem: str = ""
    """The reason that the model's reply is incomplete, in the words of the server that could not read it."""
    retries: int = 0
    """Attempts before the one that gave the reply."""
    seconds: float = 0.0
    """The time that the reply took, without that in a queue here; 0 where nobody measured it."""
    prompt_cut: bool = False
    """True if the server seems to have read only a part of the prompt."""
    by: str = ""
    """The name of the model that replied in place of the one that was asked (its `or`); "" for that one itself."""

    @property
    def is_empty(self) -> bool:
        """True if it says nothing and calls nothing."""
        return not (self.text.strip() or self.tool_calls or self.data)

    @property
    def is_truncated(self) -> bool:
        """True if it ended because it was as long as a reply may be."""
        return self.finish_reason in _TOO_LONG


_TOO_LONG: Final = ("length", "max_tokens", "MAX_TOKENS", "model_length")
"""The words of servers and providers for it."""


class Account(Protocol):
    """The account that a request is charged to, see `ste_graph.models.meter`."""

    @property
    def counts_tokens(self) -> bool:
        """True if a limit of tokens or money holds, so that tokens have to be known."""

    def model_call(self) -> AbstractContextManager[None]:
        """Return a context around one model call. Raises `BudgetSpentError` if it may not begin."""

    def check(self) -> None:
        """Raise `BudgetSpentError` if nothing more may be sent, before each attempt at a reply."""

    def add_usage(self, usage: Usage, money: float = 0.0) -> None:
        """Add what a reply has cost."""

    def count_retry(self) -> None:
        """Count an attempt at a reply that is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request for one reply of a chat model: the same object for the engine, the gateway and all adapters.

    `tools`, in OpenAI form, may be called by the model's own tool calling. `account` is not part of what is asked;
    None: the run's.
    """

    messages: Sequence[Message]
    seed: int
    stop: Sequence[str] = ()
    schema: Mapping[str, Json] | None = None
    tools: Sequence[Mapping[str, Json]] = ()
    account: Account | None = field(default=None, compare=False, repr=False)


@runtime_checkable
class Model(Protocol):
    """A chat model, ready for use: retry, rate limit, concurrency and budget are already around it."""

    @property
    def label(self) -> str:
        """The name that records and reports show; a simulated model's label starts with `simulated`."""

    async def reply(self, request: ModelRequest) -> Reply:
        """The model's reply. Raises `ModelError` when it cannot be had, `BudgetSpentError` when it may not."""
