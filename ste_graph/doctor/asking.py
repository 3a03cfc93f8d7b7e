"""Sending a request as a run sends it, with a time taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

from ste_graph.contracts import Json, Message, ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, ModelClient, RawReply
from ste_graph.models.chat.adaptation import AS_ASKED, Adaptation
from ste_graph.models.chat.problem import Problem, read_problem
from ste_graph.models.chat.request_errors import describe_request_error, retry_reason
from ste_graph.models.notes import ServerNotes
from ste_graph.models.openai import OpenAIModel
from ste_graph.thoughts import split_thoughts

TRIES: Final = 3
THINKING_ROOM: Final = 600
"""Tokens for the thoughts of a model that thinks before it speaks."""


_Key: TypeAlias = tuple[int, float | None, float | None]


class TooLongError(ModelError):
    """The server refuses the prompt because of its length."""


class SilentModelError(ModelError):
    """Every reply of the model is empty."""


class LostReplyError(ModelError):
    """The model replied, and its server could not read the reply."""


@dataclass(frozen=True, slots=True)
class TimedReply:
    """A reply, and the seconds that it took."""

    raw: RawReply
    seconds: float

    @property
    def text(self) -> str:
        """The words of the model, without the thoughts in its text."""
        return split_thoughts(self.raw.text).rest.strip()

    @property
    def thoughts(self) -> str:
        """Its thoughts, wherever they were."""
        return self.raw.reasoning or split_thoughts(self.raw.text).thought


def excerpt(text: str) -> str:
    """The beginning of a text in one line, as code; empty for none."""
    line = " ".join(text.split())
    return f"`{line[:60]}{'…' if len(line) > 60 else ''}`" if line else ""


class Examiner:
    """Asks one model, as a run does: what its server refuses is learnt and left out. Use it as a context manager."""

    def __init__(self, adapter: Adapter, *, wait_s: float = 1.0) -> None:
        self.adapter = adapter
        self.notes = ServerNotes()
        self.room = 0
        """Further tokens for each reply, where the model thinks first."""
        self.attempt_s = adapter.attempt_s
        """Seconds that one try may take; None where replies cannot hang."""
        self._wait_s = wait_s
        self._clients: dict[_Key, ModelClient] = {}
        self._stack = AsyncExitStack()

    @property
    def sets_length(self) -> bool:
        """True if each request can say how long its reply may be, and how it is drawn."""
        return isinstance(self.adapter, OpenAIModel)

    @property
    def adaptation(self) -> Adaptation:
        """The adaptation learnt up to now."""
        if not isinstance(self.adapter, OpenAIModel):
            return AS_ASKED
        return self.notes.adaptations.find(f"{self.adapter.model} at {self.adapter.location}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def ask(
        self,
        prompt: str | Sequence[Message],
        *,
        max_tokens: int,
        temperature: float | None = 0.0,
        seed: int = 1,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: Sequence[Mapping[str, Json]] = (),
        think: bool = True,
        tries: int = TRIES,
    ) -> TimedReply:
        """Ask for one reply; with `think`, a model that thinks gets the tokens for it.

        Raises `ModelError` in one sentence if so many tries bring no reply.
        """
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        request = ModelRequest(messages=messages, seed=seed, stop=stop, schema=schema, tools=tools)
        reply = await self._try(request, max_tokens + self.room * think, temperature, tries)
        if (
            think
            and not self.room
            and (reply.thoughts or reply.raw.is_empty)  # some servers keep the thoughts to themselves
            and reply.raw.finish_reason == "length"
            and not reply.raw.tool_calls
        ):
            self.room = THINKING_ROOM
            reply = await self._try(request, max_tokens + self.room, temperature, tries)
        return reply

    async def _try(self, request: ModelRequest, max_tokens: int, temperature: float | None, tries: int) -> TimedReply:
        client = self._client(max_tokens, temperature)
        for number in range(1, tries + 1):
            started = time.monotonic()
            try:
                async with asyncio.timeout(self.attempt_s):
                    raw = await client.ask(request)
                return TimedReply(raw, time.monotonic() - started)
            except ModelError:
                raise
            except Exception as error:
                kind = _kind(read_problem(error))
                if number == tries or retry_reason(error) is None or kind is not ModelError:
                    raise kind(self.adapter.scrub(describe_request_error(error))) from error
            await asyncio.sleep(self._wait_s * number)
        raise AssertionError("the last try returns or raises")

    def _client(self, max_tokens: int, temperature: float | None) -> ModelClient:
        """A client whose replies are so long at most; an adapter without such a setting has one client."""
        adapter = self.adapter
        key: _Key = (0, None, None)
        if isinstance(adapter, OpenAIModel):
            key = (max_tokens, temperature, self.attempt_s)
            settings = {"max_tokens": max_tokens, "temperature": temperature, "timeout_s": self.attempt_s}
            adapter = adapter.model_copy(update=settings)
        if key not in self._clients:
            self._clients[key] = adapter.open_run_client(self.notes)
            self._stack.push_async_callback(self._clients[key].close)
        return self._clients[key]


def _kind(problem: Problem | None) -> type[ModelError]:
    if problem is not None and problem.too_long:
        return TooLongError
    return LostReplyError if problem is not None and problem.lost_reply else ModelError
