"""The contracts of memories: the stores of a run, and the views of them that nodes get."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field

from ste_graph.contracts.model import Message
from ste_graph.contracts.selection import Selection
from ste_graph.contracts.tool import Tool
from ste_graph.contracts.values import Frozen, Json

Scope: TypeAlias = tuple[str, ...]
"""The pass in which an entry is remembered: its unit, then each loop around it with its counter, as `episode=3`."""


class Entry(Frozen):
    """One record as a memory holds it; it is recalled only where the scopes are equal."""

    id: str
    scope: Scope
    text: str
    """The text that an index embeds: the record's own choice, for a trial its request."""
    record: dict[str, Json]


class Neighbour(Frozen):
    """An entry and its cosine similarity to a query, in [-1, 1]."""

    similarity: float
    entry: Entry


class Origin(Frozen):
    """The run that selected exemplars or lessons come from: its id, wherever its folder is, and the folder.

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
    exemplars: list[dict[str, Json]] = Field(default_factory=list)
    origin: Origin | None = None
    placebo: SelectedExemplars | None = None


class SelectedLessons(Frozen):
    """Lessons chosen for a request, each as a line of text, with their ids in the same order."""

    lines: list[str] = Field(default_factory=list)
    ids: list[str] = Field(default_factory=list)
    origin: Origin | None = None


class RecordMemory(Protocol):
    """A memory of records (`of: TYPE` in YAML): an index over the step logs, which are the truth.

    It is a frozen pydantic object whose fields are its YAML settings; `open` gives the run-scoped store.
    """

    holds: ClassVar[Literal["records"]]

    def open(self, name: str, folder: Path, *, lasting: bool) -> RecordStore:
        """The store of memory `name` in `folder`, created if it is not there; `lasting` if it lives forever."""


@dataclass(frozen=True)
class LoggedEntries:
    """The entries of a memory in the logs of a run. Those of finished units are read only when they are asked for."""

    current: Sequence[Entry]
    """Those of units that go on."""
    ended: Mapping[str, int]
    """The number of entries of each unit that is finished."""
    read: Callable[[Collection[str]], Iterable[Entry]]
    """Reads the entries of finished units, by their names."""

    def __iter__(self) -> Iterator[Entry]:
        yield from self.read(list(self.ended))
        yield from self.current


class RecordStore(Protocol):
    """The opened store of a record memory. One writer; units read only entries of their own scopes.

    `own` are entries of the scope that are not added yet: those of a pass that runs side by side with others, which it
    alone sees. They count as the newest of the scope.
    """

    async def reconcile(self, entries: Iterable[Entry]) -> None:
        """Make the index hold exactly `entries` (the logs' content): add what is missing, drop what is not there.

        Of `LoggedEntries`, a store may leave the units alone that are finished and have all their entries in the index.
        """

    def add(self, entry: Entry) -> None:
        """Remember an entry that is already in the log. Indexing happens in the background."""

    async def recall(
        self, scope: Scope, *, like: str | None, seed: int, own: Sequence[Entry] = ()
    ) -> list[dict[str, Json]]:
        """The records of `scope` that the memory's `recall` setting selects, in the order to show them."""

    async def nearest(self, scope: Scope, text: str, k: int, *, own: Sequence[Entry] = ()) -> list[Neighbour]:
        """The k entries of `scope` most similar to `text`, best first, never through `recall`."""

    async def entries(self, scope: Scope, *, own: Sequence[Entry] = ()) -> list[Entry]:
        """Every entry of `scope` in order of adding, never through `recall`."""

    def release(self, unit: str) -> None:
        """Let go of all that is held only for a finished unit: nobody will read its scopes any more."""

    async def close(self) -> None:
        """Finish the indexing under way, then let go of the files."""


@runtime_checkable
class ExemplarMemory(Protocol):
    """A record store that selects from what earlier runs learnt (`from:` in YAML)."""

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        """The exemplars to show for a request, see `ExemplarView.select_exemplars`."""

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        """The lessons to show for a request, see `LessonView.select_lessons`."""


@runtime_checkable
class SimilarityMemory(Protocol):
    """A record store that can say how alike two texts are."""

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine similarity of a text with each of the others, in [-1, 1], by the embedder of the store."""


@runtime_checkable
class AccessChecked(Protocol):
    """A memory that may not always be used."""

    def check_access(self, readers: Collection[type]) -> None:
        """Raise `WorkflowError` if the memory may not be used; called before anything is started or spent.

        `readers` are the types of the fields (`RecordView`, `ExemplarView`, `LessonView`, …) by which nodes
        reach it.
        """


@runtime_checkable
class OriginChecked(Protocol):
    """A memory of material from earlier runs, which must not show a test the things that it tests by."""

    def check_origin(self, tests: Collection[Origin]) -> None:
        """Raise `WorkflowError` if it is known that the memory might show what one of `tests` holds out.

        Called before anything is spent, with the runs that the workflow's data is held out by.
        """


@runtime_checkable
class HeldOutSource(Protocol):
    """A source of data that has what a run holds out."""

    def held_out_by(self) -> Origin | None:
        """The run, or None if the data comes from elsewhere. Raises `WorkflowError` if the run does not exist."""


@runtime_checkable
class UseChecked(Protocol):
    """A memory that was proven with tools and a model, and may not be used once the tools have changed."""

    def check_use(self, tools: Sequence[Tool], models: Collection[str]) -> list[str]:
        """Return what a person should know of its use with these tools and models (by their labels).

        Called when they are known; without `tools`, the workflow has none. Raise `WorkflowError` if the memory was
        proven with other tools.
        """


@runtime_checkable
class CarriedMemory(Protocol):
    """A memory that keeps in the run's folder what others had left in it when the run began."""

    def carry_over(self, origin: Path, folder: Path, *, changed: Collection[str]) -> None:
        """Make `folder`, of a fork, know what `origin` knows, that of the forked run. Raises `OSError`.

        `changed` are the keys of the memory's settings that the fork has otherwise.
        """


class TranscriptMemory(Protocol):
    """A memory of chat messages (`transcript:` in YAML). The messages live in the graph's state; this only shapes them.

    The state is the memory's own affair: `extend` and `mark_record` make it, and `messages` reads it.
    All three are pure, so that a resumed run comes to the same state.
    """

    holds: ClassVar[Literal["messages"]]

    def extend(self, state: Sequence[Message], new: Sequence[Message]) -> list[Message]:
        """Return `state` with the messages `new` at its end, as a new list."""

    def mark_record(self, state: Sequence[Message], summary: str) -> list[Message]:
        """Return `state` after a record was made: the messages since the last one may now shrink to `summary`."""

    def messages(self, state: Sequence[Message]) -> list[Message]:
        """The messages for a model or a prompt: users' and assistant's turns alternate."""


class DrawnValue(Frozen):
    """A value that exists, and where it comes from, as `list_orders: orders[].id`."""

    value: str | int | float
    origin: str


class ReadResult(Frozen):
    """The result of a call of a tool that only reads: as plain data where the tool gave any, and as text."""

    tool: str
    description: str = ""
    """That of the tool."""
    data: Json
    text: str
    source: str = ""
    """The pack or the earlier run that tells it, by name; empty for a call of this run."""


class ValueMemory(Protocol):
    """A memory of values that exist: those in the results of the units of earlier waves, and of earlier runs."""

    holds: ClassVar[Literal["values"]]

    def open(self, name: str, folder: Path) -> ValueStore:
        """The store of memory `name`, which may keep files in `folder`."""

    def read_earlier(self, tools: Sequence[Tool]) -> Iterable[ReadResult]:
        """The results, before this run, of calls of those `tools` that only read and are as they were. Blocking.

        Raises `WorkflowError` if they cannot be read.
        """


class ValueStore(Protocol):
    """The opened store of a memory of values; the same for all units of a wave, whatever they find meanwhile."""

    def begin_wave(self, number: int, results: Iterable[ReadResult]) -> None:
        """Hold the values in `results`, or those that the wave `number` began with in an earlier process. Blocking.

        Raises `RunError` if files cannot be read or written.
        """

    def waiting_rank(self, tool: Mapping[str, Json]) -> int:
        """The waiting rank of a tool (plain data): 0 if some value is known for each of its parameters that needs one.

        1 if only words to search for are not known, which can be made up, and 2 if a value that must exist is not.
        """

    def draw(self, tool: Mapping[str, Json], k: int, seed: int) -> dict[str, list[DrawnValue]]:
        """Values for the parameters of a tool, see `ValueView.draw`."""


@runtime_checkable
class ValueView(Protocol):
    """View of a memory of values: the value of a node's field of this type."""

    async def draw(self, tool: Mapping[str, Json], k: int) -> dict[str, list[DrawnValue]]:
        """At most `k` values for each parameter of `tool` for which some are known; nothing where the memory is off."""


@runtime_checkable
class RecordView(Protocol):
    """View of a record memory, limited to the node's own scope: the value of a node's field of this type."""

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        """The k entries most similar to `text`, best first; nothing where the memory is off."""

    async def entries(self) -> list[Entry]:
        """Every entry, in order of adding; nothing where the memory is off."""


@runtime_checkable
class ExemplarView(RecordView, Protocol):
    """View of an exemplar memory: what earlier runs learnt, to be shown."""

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        """The exemplars to show for a request, selected as `selection` says.

        None of them names a tool outside `tools`, where that is given. Nothing where the memory is off.
        """


@runtime_checkable
class LessonView(RecordView, Protocol):
    """View of a memory as lessons: what failed and repaired calls have shown."""

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        """At most k lessons about `tools`, at most `per_tool` of one: first those of the tool of the nearest exemplar.

        Nothing where the memory is off.
        """


@runtime_checkable
class SimilarityView(RecordView, Protocol):
    """View of a record memory that also compares texts."""

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine similarity of a text with each of the others, in [-1, 1]; nothing where the memory is off."""
