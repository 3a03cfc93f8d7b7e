"""The one way to a model: retry, requests in flight, budget and counting are here and nowhere else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

from ste_graph.contracts import Json, ModelRequest, Reply
from ste_graph.errors import ModelError, NoReplyError
from ste_graph.models.adapter import Adapter, ModelClient, RawReply
from ste_graph.models.meter import Meter
from ste_graph.models.reasoning import split_reasoning
from ste_graph.models.request_errors import EmptyReplyError, describe_error, is_retryable, retry_after

TRIES = 6
LONGEST_RETRY_AFTER_S = 120.0
"""A server that asks for more is waited for so long only: the tries run out, and the run can be taken up later."""


class Gateway:
    """A `Model` (see contracts) around an adapter. `in_flight` and `meter` are shared by all models of a run.

    Retried: lost connection, timeout, 408, 409, 429, 5xx, empty reply. Any other text is the model's reply.
    `wait_s` is the first and the longest wait between tries, in seconds; they double in between, with jitter.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        in_flight: asyncio.Semaphore,
        meter: Meter,
        wait_s: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        self.adapter = adapter
        self.meter = meter
        self.wait_s = wait_s
        self._in_flight = in_flight
        self._client: ModelClient | None = None

    @property
    def label(self) -> str:
        return self.adapter.label

    async def reply(self, request: ModelRequest) -> Reply:
        with self.meter.model_call():
            try:
                raw, unsent = await self._retry(request)
            except ModelError:
                raise
            except Exception as error:  # whatever a provider's library raises: the unit fails with its words
                raise self._model_error(error) from error
            self.meter.add_usage(raw.usage)
            text, thoughts = split_reasoning(raw.text)
            return Reply(
                text=cut_at_stop(text, unsent),
                usage=raw.usage,
                data=_data(raw, text) if request.schema else None,
                tool_calls=raw.tool_calls,
                reasoning="\n".join(filter(None, (raw.reasoning, thoughts))),
                finish_reason=raw.finish_reason,
            )

    async def close(self) -> None:
        """Let go of the connections. The gateway may be used again and opens new ones then."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _retry(self, request: ModelRequest) -> tuple[RawReply, Sequence[str]]:
        """The reply of the first attempt that has one, and the stop strings that were not sent.

        A loop of our own: a library for it took 4 % of a whole run.
        """
        unsent: Sequence[str] = ()
        for number in range(1, TRIES):
            try:
                return await self._attempt(request), unsent
            except Exception as error:
                if not is_retryable(error):
                    raise
                if isinstance(error, EmptyReplyError):
                    unsent = request.stop or unsent
                    # With the same seed the server would say nothing again, and a stop string may have ended the reply
                    # before it began.
                    request = replace(request, seed=request.seed + 1, stop=())
                wait = self._wait(number, error)
            self.meter.retries += 1
            await asyncio.sleep(wait)
        return await self._attempt(request), unsent

    async def _attempt(self, request: ModelRequest) -> RawReply:
        if self._client is None:
            self._client = self.adapter.open_client()
        # Waiting between the tries happens outside, so that it takes no place from other requests.
        limit_s = self.adapter.attempt_s
        async with self._in_flight, nullcontext() if limit_s is None else asyncio.timeout(limit_s):
            # Some servers keep a seed in 32 bits.
            reply = await self._client.ask(replace(request, seed=request.seed & 0x7FFFFFFF))
        if not (reply.text.strip() or reply.tool_calls or reply.data):
            cut = reply.finish_reason == "length"
            reason = ": `max_tokens` were used up before it began, in reasoning" if cut else ""
            raise EmptyReplyError(f"the reply was empty{reason}")
        return reply

    def _wait(self, number: int, error: Exception) -> float:
        """Seconds between the attempt `number`, counted from 1, which ended with `error`, and the next."""
        first, longest = self.wait_s
        wait: float = min(longest, first * 2 ** (number - 1)) * random.uniform(0.5, 1.0)
        return max(wait, min(retry_after(error), LONGEST_RETRY_AFTER_S))

    def _model_error(self, error: Exception) -> ModelError:
        name = f"model `{self.label}`" + (f" at {self.adapter.location}" if self.adapter.location else "")
        problem = self.adapter.scrub(describe_error(error))
        if is_retryable(error):
            kind = NoReplyError if isinstance(error, EmptyReplyError) else ModelError
            return kind(f"{name} gave no reply in {TRIES} tries; the last one: {problem}")
        return ModelError(f"{name} refused the request: {problem}")


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the stop strings; all of it where a stop string begins it."""
    before = text
    for mark in stop:
        before = before.partition(mark)[0]
    return before if before.strip() else text


def _data(reply: RawReply, text: str) -> Json:
    """The JSON value in a reply, also in a code block or with words around it; None if it holds no JSON."""
    from langchain_core.utils.json import parse_json_markdown

    if reply.data is not None:
        return reply.data
    start = min((at for mark in "{[" if (at := text.find(mark)) >= 0), default=-1)
    for candidate in (text, text[start : max(text.rfind("}"), text.rfind("]")) + 1] if start >= 0 else ""):
        try:
            return parse_json_markdown(candidate)
        except ValueError:
            continue
    return None
