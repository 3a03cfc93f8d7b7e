"""What the engine, the nodes, the memories, the models and the tools promise one another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict

Json: TypeAlias = Any
"""A plain JSON value. `Any` because a recursive alias costs more at every edge than it catches."""

Message: TypeAlias = dict[str, Json]
"""One chat message as plain JSON in OpenAI form, as LangChain's `convert_to_messages` reads it:
`{"role": "user" | "assistant" | "system" | "tool", "content": str, …}`."""

Effect = Literal["read", "write", "destructive"]
"""What calling a tool may do to the world. Unset counts as `destructive`."""

Kind = Literal[
    "ok",
    "malformed",
    "invalid_arguments",
    "unknown_tool",
    "tool_error",
    "timeout",
    "refused",
    "interrupted",
    "transport",
]
"""How a tool call ended."""


class Frozen(BaseModel):
    """A value: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Observation(Frozen):
    """What came back from one tool call. A failed call is an observation too, never an exception.

    `text` is what the tool gave, after the size limit; `data` the same as plain data, where the tool gave any and it
    kept to the limit; `ms` is the wall time of the call in milliseconds; `coerced` names the arguments that were
    brought to the type which the tool's schema asks for.
    """

    ok: bool
    kind: Kind
    text: str
    ms: float = 0.0
    truncated: bool = False
    data: Json = None
    coerced: tuple[str, ...] = ()


class Usage(Frozen):
    """Tokens of one model reply, 0 where the server does not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class ToolCall(Frozen):
    """A call that a model asks for by its own tool calling; `arguments` is what it wrote, as a rule a JSON object."""

    id: str
    name: str
    arguments: str


class Reply(Frozen):
    """One reply of a model. `data` is set only when a `schema` was asked for and the model supports it.

    `line` is where it stands in a recording that gives each of its lines once.
    """

    text: str
    usage: Usage = Usage()
    data: Json = None
    tool_calls: tuple[ToolCall, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request for one reply of a chat model: the same object for the engine, the gateway and all adapters.

    `tools`, in OpenAI form, may be called by the model's own tool calling.
    """

    messages: Sequence[Message]
    seed: int
    stop: Sequence[str] = ()
    schema: Mapping[str, Json] | None = None
    tools: Sequence[Mapping[str, Json]] = ()


@runtime_checkable
class Model(Protocol):
    """A chat model, ready for use: retry, rate limit, concurrency and budget are already around it."""

    @property
    def label(self) -> str:
        """The name that records and reports show; a simulated model's label starts with `simulated`."""

    async def reply(self, request: ModelRequest) -> Reply:
        """The model's reply. Raises `ModelError` when it cannot be had, `BudgetSpentError` when it may not."""


@runtime_checkable
class Tool(Protocol):
    """One callable tool, whatever it comes from."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Json]:
        """JSON Schema (an object schema) of the arguments."""

    @property
    def effect(self) -> Effect: ...

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        """Call the tool with arguments that are already validated."""


@runtime_checkable
class Restartable(Protocol):
    """A tool behind something, such as a server, that may have to be started again before a call."""

    async def ready(self) -> Observation | None:
        """See that a call can be made, within a time limit of its own; None, or why it cannot. Never raises for that.

        The time limit of the call begins behind it.
        """


class ToolSource(Protocol):
    """One entry of a workflow's `tools:` section: a frozen pydantic object whose fields are its YAML settings."""

    @property
    def starts(self) -> bool:
        """Whether something (a process, a connection) must start before the tools are known."""

    async def open(self) -> Sequence[Tool]:
        """The tools, in the source's order. Raises `WorkflowError` if they cannot be had."""

    async def close(self) -> None: ...


class DataSource(Protocol):
    """One entry of a workflow's `data:` section: a frozen pydantic object whose fields are its YAML settings."""

    def items(self) -> list[Json]:
        """The items, always in the same order: units of a run, or what a loop goes over.

        An item that has a `name` or an `id` is known by it. Raises `WorkflowError` if the items cannot be had.
        """


class Entry(Frozen):
    """One record as a memory holds it."""

    id: str
    scope: str
    """The pass in which the entry is remembered, as text; an entry is recalled only where the scopes are equal."""
    text: str
    """What an index embeds: the record's own choice, for a trial its request."""
    record: dict[str, Json]


class Neighbour(Frozen):
    """An entry and its cosine similarity to a query, in [-1, 1]."""

    similarity: float
    entry: Entry


class RecordMemory(Protocol):
    """A memory of records (`of: TYPE` in YAML): an index over the step logs, which are the truth.

    It is a frozen pydantic object whose fields are its YAML settings; `open` gives the run-scoped store.
    """

    holds: ClassVar[Literal["records"]]

    def open(self, name: str, folder: Path, *, lasting: bool) -> RecordStore:
        """The store of memory `name` in `folder`, created if it is not there; `lasting` if it lives forever."""


@runtime_checkable
class AccessChecked(Protocol):
    """A memory that may not always be used."""

    def check_access(self, readers: Collection[type]) -> None:
        """Raise `WorkflowError` where it may not; asked before anything is started or spent.

        `readers` are the types of the fields (`RecordView`, `ExemplarView`, `LessonView`, …) by which nodes get hold of it.
        """


class RecordStore(Protocol):
    """The opened store of a record memory. One writer; units read only entries of their own scopes."""

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        """Make the index hold exactly `entries` (the logs' content): add what is missing, drop what is not there."""

    def add(self, entry: Entry) -> None:
        """Remember an entry that is already in the log. Indexing happens in the background."""

    async def recall(self, scope: str, *, like: str | None, seed: int) -> list[dict[str, Json]]:
        """The records of `scope` that the memory's `recall` setting selects, in the order to show them."""

    async def nearest(self, scope: str, text: str, k: int) -> list[Neighbour]:
        """The k entries of `scope` most similar to `text`, best first, never through `recall`."""

    async def entries(self, scope: str) -> list[Entry]:
        """Every entry of `scope` in order of adding, never through `recall`."""

    async def close(self) -> None:
        """Finish the indexing under way, then let go of the files."""


@runtime_checkable
class ExemplarMemory(Protocol):
    """A record store that lends what earlier runs learnt (`from:` in YAML)."""

    async def select_exemplars(
        self, query: str, *, choice: Mapping[str, Json], tools: Sequence[str] | None
    ) -> SelectedExemplars:
        """The exemplars to show for a request, see `ExemplarView.select_exemplars`."""

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        """The lessons to show for a request, see `LessonView.select_lessons`."""


@runtime_checkable
class SimilarityMemory(Protocol):
    """A record store that can say how alike two texts are."""

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine similarity of a text with each of the others, in [-1, 1], by the embedder of the store."""


class TranscriptMemory(Protocol):
    """A memory of chat messages (`talk:` in YAML). The messages live in the graph's state; this only shapes them.

    What stands in the state is the memory's own affair: it is made by `extended` and `recorded`, and read by `shown`.
    All three are pure, so that a resumed run comes to the same state.
    """

    holds: ClassVar[Literal["messages"]]

    def extended(self, state: Sequence[Message], new: Sequence[Message]) -> list[Message]:
        """`state` with the messages `new` behind it, as a new list."""

    def recorded(self, state: Sequence[Message], summary: str) -> list[Message]:
        """`state` after a record was made: what was said since the one before may from now on shrink to `summary`."""

    def shown(self, state: Sequence[Message]) -> list[Message]:
        """The messages as a model or a prompt is given them: users' and assistant's turns alternate."""


@runtime_checkable
class RecordView(Protocol):
    """What a node's field of this type gets for the memory it names: that memory, within the node's own scope."""

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        """The k entries most similar to `text`, best first; nothing where the memory is off."""

    async def entries(self) -> list[Entry]:
        """Every entry, in order of adding; nothing where the memory is off."""


class Origin(Frozen):
    """Where it comes from what is lent: which run, wherever its folder lies, and the folder.

    `without` is the run whose held-out requests were left out, by its id.
    """

    run_id: str
    run: str
    without: str | None = None


class SelectedExemplars(Frozen):
    """Exemplars chosen for a request: as a prompt shows them, and one by one, in the same order.

    `placebo`, if it was asked for, is the same for as many exemplars that can teach nothing about the request.
    """

    text: str = ""
    exemplars: list[dict[str, Json]] = []
    origin: Origin | None = None
    placebo: SelectedExemplars | None = None


class SelectedLessons(Frozen):
    """Lessons chosen for a request, each as a line of text, with their ids in the same order."""

    lines: list[str] = []
    ids: list[str] = []
    origin: Origin | None = None


@runtime_checkable
class ExemplarView(RecordView, Protocol):
    """What a node's field of this type gets for the memory it names: what earlier runs learnt, to be shown."""

    async def select_exemplars(
        self, query: str, *, choice: Mapping[str, Json], tools: Sequence[str] | None
    ) -> SelectedExemplars:
        """The exemplars to show for a request; `choice` are the settings of the choice, by name.

        None of them names a tool outside `tools`, where that is given. Nothing where the memory is off.
        """


@runtime_checkable
class LessonView(RecordView, Protocol):
    """What a node's field of this type gets for the memory it names: what failed and mended calls have taught."""

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        """At most k lessons about `tools`, at most `per_tool` of one: first those of the tool of the nearest exemplar.

        Nothing where the memory is off.
        """


@runtime_checkable
class SimilarityView(RecordView, Protocol):
    """What a node's field of this type gets for the memory it names: that memory, and its sense of what is alike."""

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine similarity of a text with each of the others, in [-1, 1]; nothing where the memory is off."""


class Context(Protocol):
    """Services of the engine for one run of a node: models, tools, the transcript, progress."""

    async def ask(
        self,
        model: Model,
        prompt: Any,  # a Prompt; its module imports this one
        *,
        stop: Sequence[str] = (),
        schema: Mapping[str, Json] | None = None,
        tools: bool = False,
    ) -> Reply:
        """Render `prompt`, call `model`, and add both messages to the transcript named in the node's `transcript:`.

        Args:
            model: The model to ask.
            prompt: The prompt, sent as one user message.
            stop: Strings at which the reply must end.
            schema: JSON Schema of the reply; `Reply.data` then holds it, where the model supports that.
            tools: True if the model may call the unit's tools by its own tool calling, see `Reply.tool_calls`.
        """

    async def answer_tool_call(self, model: Model, result: str, *, otherwise: Any) -> Reply:
        """Send `result` as the tool message of the call that the last reply asked for, and return the next reply.

        Where the transcript holds no open call, the prompt `otherwise` is sent instead. The tools stay on offer.
        """

    async def call_tool(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        """Call one of the unit's tools, through validation, policy and limits. Never raises for a tool's fault."""

    def progress(self, text: str) -> None:
        """Show a watching person how far the node is. The text is shown in passing and not stored."""

    def output_path(self, name: str) -> Path:
        """The path in the run's folder at which the node may write a file or folder `name`; the same when resumed."""

    @property
    def tools(self) -> Mapping[str, Mapping[str, Json]]:
        """The unit's tools by name, as plain data: `name`, `description`, `parameters`, `effect`, `fingerprint`."""
