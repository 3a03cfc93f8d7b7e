"""Requests to one server and model in the form that it takes: a refusal is learnt from, and the request made again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from typing import TypeAlias

from ste_graph.contracts import Json, ModelRequest
from ste_graph.models.adapter import RawReply
from ste_graph.models.chat.adaptation import Adaptation
from ste_graph.models.chat.json_reply import find_json
from ste_graph.models.chat.problem import Problem, read_problem
from ste_graph.models.chat.refusal import RequestChange, ask_in_prompt, read_refusal, suspects
from ste_graph.models.chat.request_errors import describe_request_error
from ste_graph.models.notes import ServerNotes

Body: TypeAlias = dict[str, Json]
MOST_CHANGES = 12
"""The most refusals that one request learns from."""


class LearningSender:
    """Makes bodies of requests and sends them. What is learnt is kept in `notes`, for all clients of the same `server`.

    `server` names the server and the model; `find_cause` may raise a better error for a problem, before it is read.
    """

    def __init__(
        self,
        server: str,
        notes: ServerNotes,
        *,
        make_body: Callable[[ModelRequest, Adaptation], Body],
        post: Callable[[Body], Awaitable[RawReply]],
        scrub: Callable[[str], str],
        find_cause: Callable[[Problem, str], Awaitable[None]] | None = None,
    ) -> None:
        self._server = server
        self._notes = notes
        self._make_body = make_body
        self._post = post
        self._scrub = scrub
        self._find_cause = find_cause
        self._trying = asyncio.Lock()
        self._taken: set[tuple[frozenset[str], frozenset[tuple[str, str]]]] = set()

    async def ask(self, request: ModelRequest) -> RawReply:
        """The reply. Raises the error of the last try where nothing more can be learnt."""
        for _ in range(MOST_CHANGES):
            adaptation = self._known
            body = self._make_body(request, adaptation)
            try:
                reply: RawReply | None = await self._send(body)
            except Exception as error:
                reply = await self._learn(error, request, adaptation, body)
            if reply is not None and not (request.schema and self._ignores_schema(reply, adaptation)):
                return reply
        return await self._send(self._make_body(request, self._known))

    @property
    def _known(self) -> Adaptation:
        return self._notes.adaptations.find(self._server)

    async def _send(self, body: Body) -> RawReply:
        reply = await self._post(body)
        self._taken.add(_shape(body))
        return reply

    async def _learn(self, error: Exception, request: ModelRequest, used: Adaptation, body: Body) -> RawReply | None:
        """Learn from a refusal, so that the request can be made again; the reply, where finding out has brought one.

        Raises the error itself where nothing can be learnt from it.
        """
        problem = read_problem(error)
        if problem is None or problem.is_page:
            raise error
        if problem.too_long and used.token_limit in body:
            return await self._send_unbounded(body, used.token_limit)
        if self._known != used:
            return None  # another request has found out meanwhile
        if problem.status == 404:
            await self._explain(problem, error)
        change = read_refusal(used, body, problem)
        if change is not None:
            self._accept(change, error)
            return None
        await self._explain(problem, error)
        if problem.status in (400, 422) and not (problem.too_long or problem.lost_reply):
            return await self._try_suspects(error, request, used, body)
        raise error

    async def _explain(self, problem: Problem, error: Exception) -> None:
        if self._find_cause is not None:
            await self._find_cause(problem, self._scrub(describe_request_error(error)))

    async def _send_unbounded(self, body: Body, limit: str) -> RawReply:
        """Send a long prompt without a bound of the reply: there is no room for both."""
        reply = await self._send({key: value for key, value in body.items() if key != limit})
        self._notes.remark_once(
            "adapted",
            f"{self._server}: `{limit}` is not sent with prompts that leave less room in the context",
            what=f"`{limit}` is not sent with long prompts",
        )
        return reply

    async def _try_suspects(
        self, error: Exception, request: ModelRequest, used: Adaptation, body: Body
    ) -> RawReply | None:
        """Leave out one suspect after another, where a refusal does not say what it refuses."""
        async with self._trying:
            if self._known != used:
                return None
            for change in suspects(used, body) if _shape(body) not in self._taken else ():
                try:
                    reply = await self._send(self._make_body(request, change.adaptation))
                except Exception as second:
                    problem = read_problem(second)
                    if problem is None or problem.status not in (400, 422):
                        raise
                    continue
                self._accept(change, error)
                return reply
            self._taken.add(_shape(body))  # it is not the form of the request
            raise error

    def _ignores_schema(self, reply: RawReply, used: Adaptation) -> bool:
        """Learn that structured output is taken and not given, where a whole reply to a schema has no JSON at all."""
        if used.structured == "prompt" or reply.is_empty or reply.finish_reason == "length" or "{" in reply.text:
            return False
        if reply.data is not None or find_json(reply.text) is not None:
            return False
        if self._known == used:
            change = ask_in_prompt(used)
            why = f"a reply without JSON, though it was asked for by {used.structured}"
            self._notes.learn(self._server, change.adaptation, change.what, why)
        return True

    def _accept(self, change: RequestChange, error: Exception) -> None:
        self._notes.learn(self._server, change.adaptation, change.what, self._scrub(describe_request_error(error)))


def _shape(body: Mapping[str, Json]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The form of a request, of which a refusal may be: its keys, and which roles follow each other."""
    roles = [message["role"] for message in body["messages"]]
    return frozenset(body), frozenset(pairwise(roles))
