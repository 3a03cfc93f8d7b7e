"""Any server that speaks the OpenAI chat protocol: vLLM, llama.cpp, Ollama, OpenAI itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field

from ste_graph.contracts import Json, Message, ModelRequest, ToolCall, Usage
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.settings import Address, Secret

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PLACEHOLDER = "none"
"""Sent as the key where none is set: the client wants one, vLLM does not."""

PROBE_S = 5.0


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
    model: str = Field(description="The model's name on that server.")

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
    """One pool of connections to the server. It sends requests as they are and reads the raw answers."""

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model
        # A client of its own: the library's default one is shared by all event loops, and fails in the second.
        self._api = model.connect(model.timeout_s)

    async def ask(self, request: ModelRequest) -> RawReply:
        # As text: the library's own types refuse or lose what some servers send.
        answer = await self._api.post("/chat/completions", cast_to=str, body=request_body(self._model, request))
        return read_completion(json.loads(answer))

    async def close(self) -> None:
        await self._api.close()


def request_body(model: OpenAIModel, request: ModelRequest) -> dict[str, Json]:
    """The body of a chat request; keys that are not set are left out."""
    body: dict[str, Json] = {
        "model": model.model,
        "messages": [_request_message(message) for message in request.messages],
        "seed": request.seed,
        "temperature": model.temperature,
        "top_p": model.top_p,
        "stop": list(request.stop) or None,
        "tools": list(request.tools) or None,
        **model.extra,
    }
    if model.max_tokens:
        body["max_tokens"] = model.max_tokens
    if request.schema:
        schema = {"name": "reply", "schema": dict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {key: value for key, value in body.items() if value is not None or key in model.extra}


def _request_message(message: Message) -> Message:
    """The message as servers take it: beside tool calls, no text is null and never empty."""
    return {**message, "content": message["content"] or None} if message.get("tool_calls") else message


def read_completion(answer: Json) -> RawReply:
    """The reply in a server's answer to a chat request. Raises `ValueError` for anything but such an answer."""
    if isinstance(answer, Mapping) and answer.get("error"):
        error = answer["error"]
        raise ValueError(str(error.get("message") or error) if isinstance(error, Mapping) else str(error))
    if not isinstance(answer, Mapping) or not isinstance(answer.get("choices"), list):
        raise ValueError("the answer has no `choices`: is this the address of a model server?")
    choice = answer["choices"][0] if answer["choices"] else {}
    message = choice.get("message") or {}
    usage = answer.get("usage") or {}
    return RawReply(
        _text(message.get("content")),
        tool_calls=tuple(_tool_call(call, number) for number, call in enumerate(message.get("tool_calls") or ())),
        usage=Usage(
            prompt_tokens=usage.get("prompt_tokens") or 0, completion_tokens=usage.get("completion_tokens") or 0
        ),
        reasoning=_text(message.get("reasoning") or message.get("reasoning_content")),
        finish_reason=choice.get("finish_reason"),
    )


def _text(content: Json) -> str:
    """The text of a message, whose content may be a list of parts."""
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else str(part.get("text") or "") for part in content)
    return str(content or "")


def _tool_call(call: Json, number: int) -> ToolCall:
    function = call.get("function") or {}
    return ToolCall(
        id=call.get("id") or f"call_{number}",
        name=function.get("name") or "",
        arguments=_arguments(function.get("arguments")),
    )


def _arguments(written: Json) -> str:
    """The arguments of a call as JSON text; text that is not one JSON object stays as the model wrote it."""
    value = written
    if isinstance(written, str):
        try:
            value = json.loads(written, strict=False)
        except ValueError:
            value = written  # nothing at all is no arguments
    if not value:
        return "{}"
    return (
        written if isinstance(written, str) and not isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
    )
