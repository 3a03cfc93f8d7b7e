"""The one way to a model: retry, requests in flight, budget and counting are here and nowhere else."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

from ste_graph.contracts import Account, ModelRequest, Reply, ToolCall, Usage
from ste_graph.errors import BudgetSpentError, ModelError, ModelGoneError, SteError
from ste_graph.models.adapter import LONGER, Adapter, ModelClient, RawReply
from ste_graph.models.chat.json_reply import find_json
from ste_graph.models.chat.problem import WrongModelError, lost_text, read_problem
from ste_graph.models.chat.prompt_length import PromptLengths
from ste_graph.models.chat.request_errors import (
    describe_remedy,
    describe_request_error,
    is_away,
    is_overload,
    refuses_all,
    retry_after,
    retry_reason,
)
from ste_graph.models.limiter import LimitChange, Limiter
from ste_graph.models.limiters import server_of
from ste_graph.models.meter import Meter
from ste_graph.models.notes import ServerNotes
from ste_graph.models.prices import Prices
from ste_graph.text import approximate_tokens
from ste_graph.thoughts import split_thoughts

TRIES = 6
FOREIGN_TRIES = 3
"""The tries of a server that has given no reply yet and answers as no chat server does, such as with a page."""
LOST_TRIES = 3
"""The tries after which a reply that the server could not read counts as one that nobody can read."""
PATIENCE_S = 300.0
"""Seconds for which a server that does not answer at all is waited for; then units fail, and can be taken up later."""
LONGEST_RETRY_AFTER_S = 120.0
"""A server that asks for more is waited for so long only: the tries run out, and the run can be taken up later."""


class Gateway:
    """A `Model` (see contracts) around an adapter. `limiter` is its server's; `meter` and `notes` are shared by a run.

    Retried: lost connection, timeout, 408, 409, 429, 5xx, an answer that is not a reply. An empty reply, or one that
    the server could not read, is asked for again with another seed, and then is the model's reply, as any text is.
    A server that has given no reply yet, and refuses in a way that is not about the request, ends the run: `owner` puts
    that error into words that say where the model is set.
    `wait_s` is the first and the longest wait between tries, in seconds; they double in between, with jitter.
    `own` counts what this model alone may be asked for, and `prices` are those of its tokens.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        limiter: Limiter,
        meter: Meter,
        notes: ServerNotes | None = None,
        owner: Callable[[SteError], str] = str,
        wait_s: tuple[float, float] = (1.0, 30.0),
        patience_s: float = PATIENCE_S,
        own: Meter | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.adapter = adapter
        self.meter = meter
        self.own = own
        self.prices = prices
        self.notes = notes or ServerNotes()
        self.owner = owner
        self.wait_s = wait_s
        self.patience_s = patience_s
        self._limiter = limiter
        self._client: ModelClient | None = None
        self._has_replied = False
        self._away_since: float | None = None
        self._away_told = False
        self._lengths = PromptLengths()

    @property
    def label(self) -> str:
        return self.adapter.label

    async def reply(self, request: ModelRequest) -> Reply:
        account = request.account or self.meter
        with account.model_call(), self.own.model_call() if self.own else nullcontext():
            try:
                raw, retries, seconds, spent = await self._retry(request, account)
            except WrongModelError as error:
                raise error if self._has_replied else ModelGoneError(self.owner(error)) from error
            except SteError:  # also the run's own, such as a full disk
                raise
            except Exception as error:  # whatever a provider's library raises: the unit fails with its words
                raise self._final_error(error) from error
            self._charge(spent, account)
            if cut := self._lengths.is_cut(request.messages, raw.usage.prompt_tokens):
                self._remark_cut(raw.usage.prompt_tokens)
            return _reply(raw, request, usage=spent, retries=retries, seconds=seconds, prompt_cut=cut)

    async def close(self) -> None:
        """Let go of the connections. The gateway may be used again and opens new ones then."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _retry(self, request: ModelRequest, account: Account) -> tuple[RawReply, int, float, Usage]:
        """The reply of the first attempt that has one, the number of attempts before it, its seconds, and all usage.

        A loop of our own: a library for it took 4 % of a whole run.
        """
        tries = lost = 0
        spent = Usage()
        asked, limit_s = request, self.adapter.attempt_s
        while True:
            tries += 1
            try:
                raw, seconds = await self._attempt(asked, limit_s, account)
            except BudgetSpentError:
                self._charge(spent, account)
                raise
            except Exception as error:
                if (problem := read_problem(error)) is not None and problem.lost_reply:
                    lost += 1
                    if lost == LOST_TRIES:
                        return RawReply(lost_text(problem), problem=self._describe(error)), tries - 1, 0.0, spent
                    asked = replace(asked, seed=asked.seed + 1)
                    self._count_retry("reply lost by the server", self._describe(error), account)
                    continue
                reason = retry_reason(error)
                most = FOREIGN_TRIES if self._is_hopeless(error) else TRIES
                if reason is None or not (self._may_return(error) if is_away(error) else tries < most):
                    raise
                if isinstance(error, _QueuedError) and self.adapter.attempt_s is not None:
                    limit_s = LONGER * self.adapter.attempt_s
                wait = self._wait(tries, error)
                self._count_retry(reason, self._describe(error), account)
            else:
                self._has_replied = True
                self._end_absence()
                usage = raw.usage
                if not usage.prompt_tokens and self._counts_tokens(account):
                    usage = self._estimate(asked, raw)
                spent = spent + usage if spent != _NOTHING else usage
                if not raw.is_empty or asked.seed != request.seed:
                    return raw, tries - 1, seconds, spent
                # With the same seed the server would say nothing again, and a stop string may have ended the reply
                # before it began.
                asked = replace(asked, seed=asked.seed + 1, stop=())
                self._count_retry("empty reply", "the reply was empty", account)
                continue
            await asyncio.sleep(wait)

    async def _attempt(self, request: ModelRequest, limit_s: float | None, account: Account) -> tuple[RawReply, float]:
        if self._client is None:
            self._client = self.adapter.open_run_client(self.notes)
        # Waiting between the tries happens outside, so that it takes no place from other requests.
        place = await self._limiter.acquire()
        started = time.monotonic()
        try:
            # What was within the budget may no longer be, after the wait for a place.
            account.check()
            if self.own is not None:
                self.own.check()
            async with nullcontext() if limit_s is None else asyncio.timeout(limit_s):
                # Some servers keep a seed in 32 bits.
                raw = await self._client.ask(replace(request, seed=request.seed & 0x7FFFFFFF))
        except BudgetSpentError:
            raise
        except Exception as error:
            queued = retry_reason(error) == "timeout" and not self._limiter.was_alone(place)
            if is_overload(error):
                self._note(self._limiter.reduce(place, self._describe(error)))
            # A time limit is meant for a request under way, and no server says when it takes one from its queue. One
            # that was alone was under way all the time. Of others nobody knows how long they waited, even where the
            # slots are known, as others may ask the server too: they get more time, under a limit that is lower now.
            if queued:
                raise _QueuedError from error
            raise
        else:
            self._note(self._limiter.succeed(place, raw.usage))
            return raw, time.monotonic() - started
        finally:
            self._limiter.release()

    def _note(self, change: LimitChange | None) -> None:
        if change is not None:
            self.notes.change_limit(server_of(self.adapter), change)

    def _may_return(self, error: Exception) -> bool:
        """True if a server that is away has not been so for longer than it is waited for."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        passed = now - self._away_since
        # A server that is only busy answers somebody meanwhile.
        if not self._away_told and passed > 3 * self.wait_s[0]:
            self._away_told = True
            problem = self._describe(error).rstrip(".")
            self.notes.remark(
                "away", f"{self._name} does not answer: {problem}; waiting, at most {self.patience_s:g} s"
            )
        return passed < self.patience_s

    def _end_absence(self) -> None:
        self._away_since = None
        if self._away_told:
            self._away_told = False
            self.notes.remark("back", f"{self._name} answers again")

    def _wait(self, number: int, error: Exception) -> float:
        """Seconds between the attempt `number`, counted from 1, which ended with `error`, and the next."""
        first, longest = self.wait_s
        wait: float = min(longest, first * 2 ** min(number - 1, 30)) * random.uniform(0.5, 1.0)
        return max(wait, min(retry_after(error), LONGEST_RETRY_AFTER_S))

    def _counts_tokens(self, account: Account) -> bool:
        return account.counts_tokens or (self.own is not None and self.own.counts_tokens)

    def _estimate(self, request: ModelRequest, raw: RawReply) -> Usage:
        """The tokens of a request and its reply, about, where the server counts none and a budget needs them."""
        self.notes.remark_once(
            "estimated",
            f"{self._name} does not count tokens, and a budget does: they are estimated, a third of a text's bytes",
        )
        asked = json.dumps([*request.messages, *request.tools], ensure_ascii=False)
        calls = "".join(call.name + call.arguments for call in raw.tool_calls)
        return Usage(
            prompt_tokens=approximate_tokens(asked),
            completion_tokens=approximate_tokens(raw.reasoning + raw.text + calls),
            estimated=True,
        )

    def _charge(self, usage: Usage, account: Account) -> None:
        money = self.prices.price_of(usage) if self.prices else 0.0
        account.add_usage(usage, money)
        if self.own is not None:
            self.own.add_usage(usage, money)

    def _count_retry(self, reason: str, why: str, account: Account) -> None:
        account.count_retry()
        self.notes.count_retry(self.label, reason, why)

    def _remark_cut(self, tokens: int) -> None:
        self.notes.remark_once(
            "prompt_cut",
            f"{self._name} seems to read only a part of what it is sent: it counted {tokens:,} tokens in a prompt that"
            " is much longer. Raise its context length (Ollama: OLLAMA_CONTEXT_LENGTH, as `num_ctx` is not read at"
            " /v1), or bound the transcript (its `max_tokens`)",
        )

    @property
    def _name(self) -> str:
        return f"model `{self.label}`" + (f" at {self.adapter.location}" if self.adapter.location else "")

    def _describe(self, error: Exception) -> str:
        return self.adapter.scrub(describe_request_error(error))

    def _is_hopeless(self, error: Exception) -> bool:
        return not self._has_replied and refuses_all(error)

    def _final_error(self, error: Exception) -> SteError:
        problem = self._describe(error)
        if self._is_hopeless(error) and not is_away(error):
            place = f" at {self.adapter.location}" if self.adapter.location else ""
            words = f"`{self.label}`{place} cannot be asked: {problem.rstrip('.')}; {describe_remedy(error)}"
            return ModelGoneError(self.owner(ModelError(words)))
        if retry_reason(error) is None:
            return ModelError(f"{self._name} refused the request: {problem}")
        if self._away_since is not None and is_away(error):
            passed = time.monotonic() - self._away_since
            problem = problem.rstrip(".")
            return AwayError(
                f"{self._name} has not answered for {passed:,.0f} s: {problem}; run again when it does, and the run"
                " goes on from here"
            )
        return ModelError(f"{self._name} gave no reply in {TRIES} tries; the last one: {problem}")


_NOTHING = Usage()


class AwayError(ModelError):
    """A model's server has not answered for longer than it is waited for."""


class _QueuedError(TimeoutError):
    """No answer in time, to a request that may have waited for others at the server."""


def _reply(
    raw: RawReply, request: ModelRequest, *, usage: Usage, retries: int, seconds: float, prompt_cut: bool
) -> Reply:
    """The reply as nodes have it: thoughts apart, cut at stop strings, text that every file can hold."""
    thoughts, text, closed = split_thoughts(_replace_surrogates(raw.text))
    calls = raw.tool_calls
    return Reply(
        text=cut_at_stop(text, request.stop) if request.stop else text,
        usage=usage,
        data=(find_json(split_thoughts(text).rest) if raw.data is None else raw.data) if request.schema else None,
        tool_calls=tuple(map(_clean_call, calls)) if calls else (),
        reasoning="\n".join(filter(None, (_replace_surrogates(raw.reasoning), thoughts))),
        finish_reason=raw.finish_reason if closed else "length",  # some servers say `stop` for thoughts cut off too
        problem=raw.problem,
        retries=retries,
        seconds=seconds,
        prompt_cut=prompt_cut,
    )


def _clean_call(call: ToolCall) -> ToolCall:
    return ToolCall(**{name: _replace_surrogates(value) for name, value in call})


def _replace_surrogates(text: str) -> str:
    """The text with U+FFFD in place of lone surrogates, which no file could hold; pairs become their character."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the stop strings; all of it where a stop string begins it."""
    before = text
    for mark in stop:
        before = before.partition(mark)[0]
    return before if before.strip() else text
