"""Any server that speaks the OpenAI chat protocol: vLLM, llama.cpp, Ollama, OpenAI itself."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import Field

from ste_graph.contracts import Json, ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import LONGER, Adapter, RawReply
from ste_graph.models.chat.chat_body import request_body
from ste_graph.models.chat.completion import read_completion
from ste_graph.models.chat.learning import LearningSender
from ste_graph.models.chat.problem import Problem, WrongModelError
from ste_graph.models.chat.request_errors import SET_KEY
from ste_graph.models.notes import ServerNotes
from ste_graph.models.servers.server_facts import FACTS_S, ServerFacts, ask_server_facts
from ste_graph.settings import Secret, Variable, WebAddress

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PLACEHOLDER = "none"
"""Sent as the key where none is set: the client wants one, vLLM does not."""

PROBE_S = 5.0

_TELLTALES = (
    "X-Stainless-Lang",
    "X-Stainless-Package-Version",
    "X-Stainless-OS",
    "X-Stainless-Arch",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
    "X-Stainless-Async",
)
"""Headers in which the package tells every server of this machine; nobody asked for that, and they cost time."""


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

    base_url: WebAddress = Field(
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
        from openai import AsyncOpenAI, DefaultAioHttpClient, Omit

        parts = urlsplit(self.base_url)
        # The transport takes no credentials in an address beside a key.
        credentials = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        return AsyncOpenAI(
            base_url=urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
            api_key=self._key,
            max_retries=0,
            timeout=timeout_s,
            default_headers={**dict.fromkeys(_TELLTALES, cast("str", Omit())), **self.headers},
            # With this transport a whole run takes a third less of the processor's time.
            http_client=DefaultAioHttpClient(timeout=timeout_s, trust_env=not self._is_local, auth=credentials),
        )

    async def probe(self) -> str | None:
        import openai

        async with self.connect(PROBE_S) as client:
            try:
                served = sorted([model.id async for model in client.models.list()])
            except openai.APIConnectionError:
                raise ModelError(
                    f"no model server answers at {self.location}: start it, or set `base_url` to where it runs"
                ) from None
            except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
                raise ModelError(
                    f"the model server at {self.location} refuses the key ({error.status_code}): {SET_KEY}"
                ) from None
            except openai.NotFoundError:
                raise ModelError(
                    f"{self.location} answers, but has no /models: `base_url` of an OpenAI-compatible server"
                    " usually ends in /v1"
                ) from None
            except (AttributeError, json.JSONDecodeError):  # a page, which the library takes for a list, or nothing
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
        if not served:
            return (
                f"the server at {self.location} lists no model: load `{self.model}` there, or set `base_url` to the"
                " server that has it"
            )
        return (
            f"the server at {self.location} does not list `{self.model}`; if it refuses, set `model` to one of"
            f" {', '.join(served)}"
        )

    async def read_facts(self) -> ServerFacts:
        async with self.connect(FACTS_S) as client:
            return await ask_server_facts(client, self.model)

    def scrub(self, text: str) -> str:
        for secret in (self.api_key, *self.headers.values(), self.base_url):
            if len(secret) > 3:
                text = text.replace(secret, self.location if secret == self.base_url else "***")
        return text


class OpenAIClient:
    """Connections to the server, which is sent what it takes; what was learnt is kept in `notes`."""

    def __init__(self, model: OpenAIModel, notes: ServerNotes | None = None) -> None:
        self._model = model
        # A client of its own: the library's default one is shared by all event loops, and fails in the second.
        self._api = model.connect(LONGER * model.timeout_s)
        self._served: list[str] | None = None
        settings = {name: getattr(model, name) for name in ("model", "temperature", "top_p", "max_tokens")}
        self._sender = LearningSender(
            f"{model.model} at {model.location}",
            notes or ServerNotes(),
            make_body=lambda request, adaptation: request_body(settings, request, adaptation, extra=model.extra),
            post=self._post,
            scrub=model.scrub,
            find_cause=self._check_served,
        )

    async def ask(self, request: ModelRequest) -> RawReply:
        return await self._sender.ask(request)

    async def close(self) -> None:
        await self._api.close()

    async def _post(self, body: dict[str, Json]) -> RawReply:
        # As text: the library's own types refuse or lose what some servers send.
        return read_completion(await self._api.post("/chat/completions", cast_to=str, body=body))

    async def _check_served(self, problem: Problem, words: str) -> None:
        """Raise `ModelError` with the names that the server lists, where it is asked for another model."""
        import openai

        if not problem.missing_model:
            return
        if self._served is None:
            try:
                self._served = sorted([model.id async for model in self._api.models.list()])
            except (openai.OpenAIError, AttributeError, ValueError, TypeError):
                self._served = []
        if self._served and self._model.model not in self._served:
            raise WrongModelError(
                f"the server at {self._model.location} does not serve `{self._model.model}`: {words.rstrip('.')}; set"
                f" `model` to one of {', '.join(self._served)}"
            )
