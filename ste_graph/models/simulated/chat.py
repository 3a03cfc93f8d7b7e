"""The policy as a LangChain chat model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ste_graph.models.label import SIMULATED
from ste_graph.models.simulated.native import message_of, shown_in, turns_of
from ste_graph.models.simulated.policy import respond


class SimulatedChat(BaseChatModel):
    """Answers as `respond` says, up to the first stop sequence, as a server would."""

    mistakes: float

    @property
    def _llm_type(self) -> str:
        return SIMULATED

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        seed: int = 0,
        schema: dict[str, Any] | None = None,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> ChatResult:
        offered = shown_in(tools)
        text = respond(turns_of(messages), seed=seed, mistakes=self.mistakes, schema=schema, offered=offered)
        for mark in stop or ():
            text = text.split(mark, 1)[0]
        message = message_of(text, seed) if offered else AIMessage(text)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=list(tools), **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, **kwargs)  # the inherited way would start a thread per reply
