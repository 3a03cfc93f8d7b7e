"""What every kind of model (`use:` in `models:`) is to the gateway."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, ClassVar

from ste_graph.contracts import Frozen, ModelRequest
from ste_graph.models.native import bind_tools

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

    from ste_graph.models.servers import Servers


class Adapter(Frozen):
    """One way to a chat model. Fields are the YAML settings; nothing is contacted before `probe` or `chat`."""

    simulated: ClassVar[bool] = False
    """Whether the replies come from no language model, so that results must be labelled."""

    @property
    def label(self) -> str:
        """The name that records and reports show."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it is called")

    @property
    def where(self) -> str:
        """Where the model is asked, for error messages: never with credentials; empty if that is this process."""
        return ""

    @property
    def attempt_s(self) -> float | None:
        """Seconds after which one attempt at a reply has failed; None where replies cannot hang."""
        return None

    def check_access(self) -> None:
        """Raise `WorkflowError` where the settings say that the model may not be used."""

    async def opened(self, name: str, servers: Servers) -> Adapter:
        """The adapter to ask during one run: this one, or one in front of a server that `servers` runs for it.

        `name` is the model's in the workflow. Raises `ModelError` if its server cannot start.
        """
        return self

    def beyond(self, lines: AbstractSet[int]) -> Adapter:
        """The adapter to ask when a run is taken up whose finished steps have had these lines of its recording."""
        return self

    def chat(self) -> BaseChatModel:
        """A new chat model without retries of its own. Raises `ModelError` if it cannot be made."""
        raise NotImplementedError(f"{type(self).__name__} gives no chat model")

    async def probe(self) -> str | None:
        """Raise `ModelError` if the model cannot be asked, within some five seconds and without a chat call.

        What is given is a doubt that a person should hear of, though the model may well answer.
        """
        return None

    async def ask(self, chat: BaseChatModel, request: ModelRequest) -> AIMessage:
        """One attempt at a reply, with whatever error the library raises."""
        options: dict[str, Any] = {"seed": request.seed} | ({"schema": dict(request.schema)} if request.schema else {})
        return await self.invoke(chat, request, **options)

    async def invoke(self, chat: BaseChatModel, request: ModelRequest, **options: Any) -> AIMessage:
        """The reply of LangChain's `chat` to `request`, with its tools on offer."""
        from langchain_core.messages import convert_to_messages

        model = bind_tools(chat, request.tools, self.label) if request.tools else chat
        reply: AIMessage = await model.ainvoke(
            convert_to_messages(list(request.messages)), stop=list(request.stop) or None, **options
        )
        return reply

    async def close(self, chat: BaseChatModel) -> None:
        """Let go of the connections that `chat` holds."""

    def scrubbed(self, text: str) -> str:
        """`text` without the secrets that a server's answer may repeat."""
        return text
