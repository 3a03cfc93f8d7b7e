"""The chat model behind `recorded`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ste_graph.contracts import ModelRequest
from ste_graph.errors import ModelError
from ste_graph.models.native import calls_of
from ste_graph.models.recorded import LINE, Recorded, request_key


class Playback(BaseChatModel):
    """Gives back recorded replies: by key where there is one for the request, else the next one without a key."""

    path: str
    keyed: dict[str, Recorded]
    ordered: list[tuple[int, Recorded]]
    """Those without a key, each with its line in the file."""
    given: int = 0

    @property
    def _llm_type(self) -> str:
        return "recorded"

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
        plain = convert_to_openai_messages(messages)
        request = ModelRequest(
            messages=plain if isinstance(plain, list) else [plain], seed=seed, schema=schema, tools=tools
        )
        line, recorded = self._found(request_key(request))
        if recorded.error is not None:
            raise ModelError(recorded.error)
        used = recorded.usage
        message = AIMessage(
            recorded.text,
            additional_kwargs={} if recorded.data is None else {"parsed": recorded.data},
            response_metadata={} if line is None else {LINE: line},
            **calls_of(recorded.tool_calls),
            usage_metadata=UsageMetadata(
                input_tokens=used.prompt_tokens,
                output_tokens=used.completion_tokens,
                total_tokens=used.prompt_tokens + used.completion_tokens,
            ),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # The inherited way is a thread per reply, in which the order of requests would be lost.
        return self._generate(messages, stop, **kwargs)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=list(tools), **kwargs)

    def _found(self, key: str) -> tuple[int | None, Recorded]:
        """What answers the request, and the line where that is given once."""
        if key in self.keyed:
            return None, self.keyed[key]
        if self.given < len(self.ordered):
            self.given += 1
            return self.ordered[self.given - 1]
        if not self.keyed:
            raise ModelError(f"{self.path}: all its replies are given: add one, or lower the bounds")
        raise ModelError(f"{self.path}: no reply for this request, key {key}: record the run anew")
