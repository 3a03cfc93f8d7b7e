"""The policy as a LangChain chat model."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from ste_graph.models.simulated.policy import respond
from ste_graph.models.simulated.reading import Turn

ROLES = {"human": "user", "ai": "assistant"}


class SimulatedChat(BaseChatModel):
    """Answers as `respond` says, up to the first stop sequence, as a server would."""

    mistakes: float

    @property
    def _llm_type(self) -> str:
        return "simulated"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        seed: int = 0,
        schema: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        turns = [Turn(ROLES.get(message.type, message.type), str(message.text)) for message in messages]
        text = respond(turns, seed=seed, mistakes=self.mistakes, schema=schema)
        for mark in stop or ():
            text = text.split(mark, 1)[0]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, **kwargs)  # the inherited way would start a thread per reply
