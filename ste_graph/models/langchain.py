"""Any provider that LangChain knows, through `init_chat_model`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from ste_graph.contracts import Json, ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter
from ste_graph.settings import Secret

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage


class LangChainModel(Adapter):
    """A model of one of LangChain's providers."""

    model: str = Field(description="`provider:name`.", examples=["anthropic:claude-sonnet-4-5", "ollama:qwen3"])
    api_key: Secret = Field("", repr=False, description="The provider's key; unset: the provider's own variable.")
    timeout_s: float = Field(120.0, gt=0, description="Seconds after which one attempt at a reply has failed.")
    seeded: bool = Field(False, description="Whether the provider takes a `seed`; it is sent only then.")
    options: dict[str, Json] = Field(
        default_factory=dict, description="Further settings of the provider's chat model, such as `temperature`."
    )

    @field_validator("model")
    @classmethod
    def _names_a_provider(cls, value: str) -> str:
        provider, colon, name = value.partition(":")
        if not (provider and colon and name):
            raise ValueError("write it as `provider:name`, for example `ollama:qwen3`")
        return value

    @property
    def label(self) -> str:
        return self.model

    @property
    def where(self) -> str:
        return self.model.partition(":")[0]

    @property
    def attempt_s(self) -> float:
        return self.timeout_s

    def chat(self) -> BaseChatModel:
        try:
            from langchain.chat_models import init_chat_model
        except ImportError:
            raise ModelError("`use: langchain` needs a package: pip install 'ste-graph[langchain]'") from None
        settings: dict[str, Any] = {"max_retries": 0, **self.options}
        if self.api_key:
            settings["api_key"] = self.api_key
        try:
            chat: BaseChatModel = init_chat_model(self.model, **settings)
            return chat
        except ImportError as error:
            raise ModelError(f"`{self.model}` needs its provider's package: {error}") from None
        except Exception as error:  # whatever a provider's own checks raise: a wrong option, a missing key
            raise ModelError(f"`{self.model}` cannot be made: {self.scrubbed(str(error))}") from None

    async def probe(self) -> str | None:
        self.chat()
        return None

    async def ask(self, chat: BaseChatModel, request: ModelRequest) -> AIMessage:
        options: dict[str, Any] = {"seed": request.seed} if self.seeded else {}
        if request.schema:
            from langchain_core.messages import convert_to_messages

            named = {"title": "reply", "description": "The reply.", **request.schema}
            try:
                structured = chat.with_structured_output(named, include_raw=True)
            except (NotImplementedError, ValueError):
                pass
            else:
                answer: Any = await structured.ainvoke(convert_to_messages(list(request.messages)), **options)
                raw: AIMessage = answer["raw"]
                return raw.model_copy(update={"additional_kwargs": {"parsed": answer["parsed"]}})
        return await self.invoke(chat, request, **options)

    def scrubbed(self, text: str) -> str:
        return text.replace(self.api_key, "***") if len(self.api_key) > 3 else text
