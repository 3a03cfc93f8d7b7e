"""Any server that speaks the OpenAI chat protocol: vLLM, llama.cpp, Ollama, OpenAI itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field

from ste_graph.contracts import Json, ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adaptation import Adaptation
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.models.chat_body import request_body
from ste_graph.models.completion import read_completion
from ste_graph.models.json_reply import read_json
from ste_graph.models.notes import ServerNotes
from ste_graph.models.problem import read_problem
from ste_graph.models.refusal import Change, ask_in_prompt, read_refusal, suspects
from ste_graph.models.request_errors import describe_error
from ste_graph.settings import Address, Secret, Variable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PLACEHOLDER = "none"
"""Sent as the key where none is set: the client wants one, vLLM does not."""

PROBE_S = 5.0
MOST_CHANGES = 12
"""The most refusals that one request learns from."""


class RequestSettings(Adapter):
    """The settings of requests to an OpenAI-compatible server, whoever started that server."""

    api_key: Secret = Field("", repr=False, description="The key; unset: OPENAI_API_KEY, else a placeholder.")
    temperature: float | None = Field(None, ge=0, description="Sampling temperature; unset: the server's own.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling; unset: the server's own.")
    max_tokens: int | None = Field(
        None,
        gt=0,
        description="Longest reply in tokens; unset: the server's own. OpenAI's own newer models"
        " know it only as `extra: {max_completion_tokens: N}`.",
    )
    timeout_s: float = Field(120.0, gt=0, description="Seconds after which one attempt at a reply has failed.")
    headers: dict[str, Secret] = Field(default_factory=dict, repr=False, description="Further HTTP headers.")
    extra: dict[str, Json] = Field(
        default_factory=dict, description="Further keys of the request body that the server knows, such as `top_k`."
    )


class OpenAIModel(RequestSettings):
    """A model behind an OpenAI-compatible server."""

    base_url: Address = Field(
        description="Address of the API, usually ending in /v1.", examples=["http://localhost:8000/v1"]
    )
    model: Variable = Field(description="The model's name on that server.")

    @property
    def label(self) -> str:
        return self.model

    @property
    def location(self) -> str:
        parts = urlsplit(self.base_url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))

    @property
    def attempt_s(self) -> float:
        return self.timeout_s

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key that the library's own environment variable gives, where the settings give none."""
        return (self._key,) if self._key != PLACEHOLDER else ()

    @property
    def _key(self) -> str:
        return self.api_key or os.environ.get("OPENAI_API_KEY") or PLACEHOLDER

    @property
    def _is_local(self) -> bool:
        """True if the server is on this machine, so that no proxy of the environment can reach it."""
        return urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")

    def open_client(self) -> OpenAIClient:
        return OpenAIClient(self)

    def open_run_client(self, notes: ServerNotes) -> OpenAIClient:
        return OpenAIClient(self, notes)

    def connect(self, timeout_s: float) -> AsyncOpenAI:
        """Return a new client of the package `openai`, without retries of its own."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        return AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._key,
            max_retries=0,
            timeout=timeout_s,
            default_headers=self.headers or None,
            http_client=DefaultAsyncHttpxClient(timeout=timeout_s, trust_env=not self._is_local),
        )

    async def probe(self) -> str | None:
        import openai

        if urlsplit(self.base_url).scheme not in ("http", "https"):
            raise ModelError("`base_url` is not a web address; expected one such as http://localhost:8000/v1")
        async with self.connect(PROBE_S) as client:
            try:
                served = sorted([model.id async for model in client.models.list()])
            except openai.APIConnectionError:
                raise ModelError(
                    f"no model server answers at {self.location}: start it, or set `base_url` to where it runs"
                ) from None
            except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
                raise ModelError(
                    f"the model server at {self.location} refuses the key ({error.status_code}): set `api_key`,"
                    " for example to {env: OPENAI_API_KEY}, or that environment variable"
                ) from None
            except openai.NotFoundError:
                raise ModelError(
                    f"{self.location} answers, but has no /models: `base_url` of an OpenAI-compatible server"
                    " usually ends in /v1"
                ) from None
            except AttributeError:  # the library takes a page for a list
                raise ModelError(
                    f"{self.location} answers with something else than a list of models: set `base_url` to the address"
                    " of an OpenAI-compatible server, which usually ends in /v1"
                ) from None
            except (openai.OpenAIError, ValueError, TypeError) as error:
                raise ModelError(
                    f"the model server at {self.location} cannot be used: {self.scrub(str(error))}: see its log"
                ) from None
        if self.model in served:
            return None
        # Proxies answer to names that they do not list, so this may be right all the same.
        return (
            f"the server at {self.location} does not list `{self.model}`; if it refuses, set `model` to one of"
            f" {', '.join(served) or '(it lists none)'}"
        )

    def scrub(self, text: str) -> str:
        for secret in (self.api_key, *self.headers.values(), self.base_url):
            if len(secret) > 3:
                text = text.replace(secret, self.location if secret == self.base_url else "***")
        return text


class OpenAIClient:
    """One pool of connections to the server, which is sent what it takes: a refusal is learnt from.

    What was learnt stands in `notes`, for all clients of the same server and model.
    """

    def __init__(self, model: OpenAIModel, notes: ServerNotes | None = None) -> None:
        self._model = model
        self._notes = notes or ServerNotes()
        self._server = f"{model.model} at {model.location}"
        # A client of its own: the library's default one is shared by all event loops, and fails in the second.
        self._api = model.connect(model.timeout_s)
        self._trying = asyncio.Lock()
        self._taken: set[tuple[frozenset[str], frozenset[tuple[str, str]]]] = set()
        self._served: list[str] | None = None

    async def ask(self, request: ModelRequest) -> RawReply:
        for _ in range(MOST_CHANGES):
            adaptation = self._notes.adaptations.find(self._server)
            body = request_body(self._model, request, adaptation)
            try:
                reply: RawReply | None = await self._post(body)
            except Exception as error:
                reply = await self._learn(error, request, adaptation, body)
            if reply is not None and not (request.schema and self._ignores_schema(reply, adaptation)):
                return reply
        return await self._post(request_body(self._model, request, self._notes.adaptations.find(self._server)))

    async def close(self) -> None:
        await self._api.close()

    async def _post(self, body: dict[str, Json]) -> RawReply:
        # As text: the library's own types refuse or lose what some servers send.
        reply = read_completion(await self._api.post("/chat/completions", cast_to=str, body=body))
        self._taken.add(_shape(body))
        return reply

    def _ignores_schema(self, reply: RawReply, used: Adaptation) -> bool:
        """Learn that structured output is taken and not given, where a whole reply to a schema has no JSON at all."""
        if used.structured == "prompt" or reply.is_empty or reply.finish_reason == "length" or "{" in reply.text:
            return False
        if read_json(reply.text) is not None:
            return False
        if self._notes.adaptations.find(self._server) == used:
            change = ask_in_prompt(used)
            why = f"a reply without JSON, though it was asked for by {used.structured}"
            self._notes.learn(self._server, change.adaptation, change.what, why)
        return True

    async def _learn(
        self, error: Exception, request: ModelRequest, used: Adaptation, body: dict[str, Json]
    ) -> RawReply | None:
        """Learn from a refusal, so that the request can be made again; the reply, where finding out has brought one.

        Raises the error itself where nothing can be learnt from it.
        """
        problem = read_problem(error)
        if problem is None:
            raise error
        if problem.too_long and (limit := used.token_limit) in body:
            reply = await self._post({key: value for key, value in body.items() if key != limit})
            self._notes.remark_once(
                "adapted",
                f"{self._server}: `{limit}` is not sent with prompts that leave less room in the context",
                what=f"`{limit}` is not sent with long prompts",
            )
            return reply
        if self._notes.adaptations.find(self._server) != used:
            return None  # another request has found out meanwhile
        if problem.missing_model and problem.status == 404:
            await self._check_served(error)
        change = read_refusal(used, body, problem)
        if change is not None:
            self._accept(change, error)
            return None
        if problem.missing_model:
            await self._check_served(error)
        if problem.status in (400, 422) and not (problem.too_long or problem.lost_reply):
            return await self._try_suspects(error, request, used, body)
        raise error

    async def _try_suspects(
        self, error: Exception, request: ModelRequest, used: Adaptation, body: dict[str, Json]
    ) -> RawReply | None:
        """Leave out one suspect after another, where a refusal does not say what it refuses."""
        async with self._trying:
            if self._notes.adaptations.find(self._server) != used:
                return None
            for change in suspects(used, body) if _shape(body) not in self._taken else ():
                try:
                    reply = await self._post(request_body(self._model, request, change.adaptation))
                except Exception as second:
                    problem = read_problem(second)
                    if problem is None or problem.status not in (400, 422):
                        raise
                    continue
                self._accept(change, error)
                return reply
            self._taken.add(_shape(body))  # it is not the form of the request
            raise error

    def _accept(self, change: Change, error: Exception) -> None:
        self._notes.learn(self._server, change.adaptation, change.what, self._model.scrub(describe_error(error)))

    async def _check_served(self, error: Exception) -> None:
        """Raise `ModelError` with the names that the server lists, where the model is none of them."""
        import openai

        if self._served is None:
            try:
                self._served = sorted([model.id async for model in self._api.models.list()])
            except (openai.OpenAIError, AttributeError, ValueError, TypeError):
                self._served = []
        if self._served and self._model.model not in self._served:
            problem = self._model.scrub(describe_error(error)).rstrip(".")
            raise ModelError(
                f"the server at {self._model.location} does not serve `{self._model.model}`: {problem}; set `model` to"
                f" one of {', '.join(self._served)}"
            )


def _shape(body: Mapping[str, Json]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The form of a request, of which a refusal may be: its keys, and which roles follow each other."""
    roles = [message["role"] for message in body["messages"]]
    return frozenset(body), frozenset(pairwise(roles))
