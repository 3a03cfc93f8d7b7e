"""Any provider that LangChain knows, through `init_chat_model`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, field_validator

from ste_graph.contracts import Json, ModelRequest, ToolCall, Usage
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, RawReply, unsupported_tools
from ste_graph.models.chat.adaptation import Adaptation
from ste_graph.models.chat.chat_body import request_body
from ste_graph.models.chat.learning import LearningSender
from ste_graph.models.notes import ServerNotes
from ste_graph.settings import Secret, Variable

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage


class LangChainModel(Adapter):
    """A model of one of LangChain's providers."""

    model: Variable = Field(description="`provider:name`.", examples=["anthropic:claude-sonnet-4-5", "ollama:qwen3"])
    api_key: Secret = Field("", repr=False, description="The provider's key; unset: the provider's own variable.")
    temperature: float | None = Field(None, ge=0, description="Sampling temperature; unset: the provider's own.")
    max_tokens: int | None = Field(None, gt=0, description="Longest reply in tokens; unset: the provider's own.")
    timeout_s: float = Field(120.0, gt=0, description="Seconds after which one attempt at a reply has failed.")
    seeded: bool = Field(False, description="True if the provider takes a `seed`; it is sent only then.")
    options: dict[str, Json] = Field(
        default_factory=dict, description="Further settings of the provider's chat model, such as `base_url`."
    )

    @field_validator("model")
    @classmethod
    def _check_provider(cls, value: str) -> str:
        provider, colon, name = value.partition(":")
        if not (provider and colon and name):
            raise ValueError("write it as `provider:name`, for example `ollama:qwen3`")
        return value

    @property
    def label(self) -> str:
        return self.model

    @property
    def location(self) -> str:
        return self.model.partition(":")[0]

    @property
    def attempt_s(self) -> float:
        return self.timeout_s

    def open_client(self) -> LangChainClient:
        return self.open_run_client(ServerNotes())

    def open_run_client(self, notes: ServerNotes) -> LangChainClient:
        return LangChainClient(self.chat_model(), self.label, seeded=self.seeded, notes=notes, scrub=self.scrub)

    def chat_model(self) -> BaseChatModel:
        """Return a new chat model of LangChain. Raises `ModelError` if it cannot be made."""
        try:
            from langchain.chat_models import init_chat_model
        except ImportError:
            raise ModelError("`use: langchain` needs a package: pip install 'ste-graph[langchain]'") from None
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens, "api_key": self.api_key or None}
        stated = {name: value for name, value in own.items() if value is not None}
        settings: dict[str, Any] = {"max_retries": 0, **stated, **self.options}
        try:
            chat: BaseChatModel = init_chat_model(self.model, **settings)
            return chat
        except ImportError as error:
            raise ModelError(f"`{self.model}` needs its provider's package: {error}") from None
        except Exception as error:  # whatever a provider's own checks raise: a wrong option, a missing key
            raise ModelError(f"`{self.model}` cannot be made: {self.scrub(str(error))}") from None

    async def probe(self) -> str | None:
        self.chat_model()
        return None

    def scrub(self, text: str) -> str:
        return text.replace(self.api_key, "***") if len(self.api_key) > 3 else text


class LangChainClient:
    """A chat model of LangChain, also for adapters of your own: `LangChainClient(chat_model, label)`."""

    def __init__(
        self,
        chat: BaseChatModel,
        label: str,
        *,
        seeded: bool = False,
        notes: ServerNotes | None = None,
        scrub: Callable[[str], str] = str,
    ) -> None:
        self._chat = chat
        self._label = label
        self._seeded = seeded
        self._sender = LearningSender(
            label, notes or ServerNotes(), make_body=self._make_body, post=self._post, scrub=scrub
        )

    async def ask(self, request: ModelRequest) -> RawReply:
        return await self._sender.ask(request)

    def _make_body(self, request: ModelRequest, adaptation: Adaptation) -> dict[str, Json]:
        """The request in the form of a request's body; the settings are held by the chat model."""
        body = request_body({}, request, adaptation)
        if not self._seeded:
            body.pop("seed", None)
        return body

    async def _post(self, body: dict[str, Json]) -> RawReply:
        from langchain_core.messages import convert_to_messages

        messages = convert_to_messages(body["messages"])
        options: dict[str, Any] = {"seed": body["seed"]} if "seed" in body else {}
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        structured = self._with_schema(schema) if schema else None
        try:
            if structured is not None:
                answer = await structured.ainvoke(messages, **options)
                return read_message(answer["raw"], data=answer["parsed"])
            model = bind_tools(self._chat, body["tools"], self._label) if "tools" in body else self._chat
            return read_message(await model.ainvoke(messages, stop=body.get("stop"), **options))
        except ValidationError as error:
            return RawReply(tool_calls=_rejected_calls(error))

    def _with_schema(self, schema: Mapping[str, Json]) -> Any:
        """The provider's own structured output; None if it has none."""
        titled = {"title": "reply", "description": "The reply.", **schema}
        try:
            return self._chat.with_structured_output(titled, include_raw=True)
        except (NotImplementedError, ValueError):
            return None

    async def close(self) -> None:
        """Do nothing: LangChain's chat models have no common way to let go of connections."""


def bind_tools(chat: BaseChatModel, tools: Sequence[Mapping[str, Json]], label: str) -> Any:
    """The chat model with the tools on offer. Raises `ModelError` for a model without tool calling."""
    try:
        return chat.bind_tools([dict(tool) for tool in tools])
    except NotImplementedError:
        raise unsupported_tools(label) from None


def read_message(message: AIMessage, *, data: Json = None) -> RawReply:
    """The reply in a message of LangChain's; calls whose arguments are not JSON come last, as LangChain keeps them."""
    calls = [(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False)) for call in message.tool_calls]
    calls += [(call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    usage = message.usage_metadata
    return RawReply(
        message.text,
        tool_calls=tuple(
            ToolCall(id=id or f"call_{number}", name=name, arguments=arguments)
            for number, (id, name, arguments) in enumerate(calls)
        ),
        data=data,
        usage=Usage(
            prompt_tokens=usage["input_tokens"],
            completion_tokens=usage["output_tokens"],
            cached_tokens=(usage.get("input_token_details") or {}).get("cache_read") or 0,
        )
        if usage
        else Usage(),
        finish_reason=message.response_metadata.get("finish_reason"),
    )


def _rejected_calls(error: ValidationError) -> tuple[ToolCall, ...]:
    """The calls that LangChain's message refused, as their arguments are JSON but no object. Raises any other error."""
    rejected = [fault for fault in error.errors(include_url=False) if fault["loc"][:1] == ("tool_calls",)]
    if not rejected:
        raise error
    return tuple(
        ToolCall(id=f"call_{number}", name="", arguments=json.dumps(fault["input"]))
        for number, fault in enumerate(rejected)
    )
