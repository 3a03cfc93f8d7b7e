"""Any server that speaks the OpenAI chat protocol: vLLM, llama.cpp, Ollama, OpenAI itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.sampling import Sampling
from ste_graph.settings import Address

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

PLACEHOLDER = "none"
"""Sent as the key where there is none: the client wants one, vLLM does not."""

PROBE_S = 5.0


class OpenAIModel(Sampling):
    """A model behind an OpenAI-compatible server."""

    base_url: Address = Field(
        description="Address of the API, usually ending in /v1.", examples=["http://localhost:8000/v1"]
    )
    model: str = Field(description="The model's name on that server.")

    @property
    def label(self) -> str:
        return self.model

    @property
    def where(self) -> str:
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
    def _is_here(self) -> bool:
        """Whether the server is on this machine, so that no proxy of the environment can reach it."""
        return urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")

    def chat(self) -> BaseChatModel:
        from langchain_openai import ChatOpenAI
        from openai import DefaultAsyncHttpxClient
        from pydantic import SecretStr

        return ChatOpenAI(
            base_url=self.base_url,
            model=self.model,
            api_key=SecretStr(self._key),
            temperature=self.temperature,
            top_p=self.top_p,
            timeout=self.timeout_s,
            max_retries=0,
            default_headers=self.headers or None,
            # The library's default client is shared by all event loops of the process, and fails in the second.
            http_async_client=DefaultAsyncHttpxClient(timeout=self.timeout_s, trust_env=not self._is_here),
            use_responses_api=False,
        )

    async def ask(self, chat: BaseChatModel, request: ModelRequest) -> AIMessage:
        body = dict(self.extra)
        if self.max_tokens:
            body["max_tokens"] = self.max_tokens  # the library would send a key that older servers do not know
        if request.schema:
            # As `response_format` of the library, a reply cut off by `max_tokens` would be an exception, not a reply.
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": dict(request.schema)},
            }
        options: dict[str, Any] = {"seed": request.seed} | ({"extra_body": body} if body else {})
        return await self.invoke(chat, request, **options)

    async def close(self, chat: BaseChatModel) -> None:
        await chat.root_async_client.close()  # type: ignore[attr-defined]

    async def probe(self) -> str | None:
        import openai

        async with openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._key,
            max_retries=0,
            default_headers=self.headers,
            http_client=openai.DefaultAsyncHttpxClient(timeout=PROBE_S, trust_env=not self._is_here),
        ) as client:
            try:
                served = sorted([model.id async for model in client.models.list()])
            except openai.APIConnectionError:
                raise ModelError(
                    f"no model server answers at {self.where}: start it, or set `base_url` to where it runs"
                ) from None
            except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
                raise ModelError(
                    f"the model server at {self.where} refuses the key ({error.status_code}): set `api_key`,"
                    " for example to {env: OPENAI_API_KEY}, or that environment variable"
                ) from None
            except openai.NotFoundError:
                raise ModelError(
                    f"{self.where} answers, but has no /models: `base_url` of an OpenAI-compatible server"
                    " usually ends in /v1"
                ) from None
            except (openai.OpenAIError, ValueError, TypeError) as error:
                raise ModelError(
                    f"the model server at {self.where} cannot be used: {self.scrubbed(str(error))}: see its log"
                ) from None
        if self.model in served:
            return None
        # Proxies answer to names that they do not list, so this may be right all the same.
        return (
            f"the server at {self.where} does not list `{self.model}`; if it refuses, set `model` to one of"
            f" {', '.join(served) or '(it lists none)'}"
        )

    def scrubbed(self, text: str) -> str:
        for secret in (self.api_key, *self.headers.values(), self.base_url):
            if len(secret) > 3:
                text = text.replace(secret, self.where if secret == self.base_url else "***")
        return text
