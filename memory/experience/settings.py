"""Long-term memory: every record kept, and which of them to show."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from ste_graph.contracts import ExemplarView, Frozen, LessonView, RecordView
from ste_graph.settings import Address, PathOrURL, RelativePath

if TYPE_CHECKING:
    from ste_graph.memory.exemplars.view import ExemplarViewStore
    from ste_graph.memory.experience.store import ExperienceStore
    from ste_graph.memory.vectors.embedders import Embedder


class Diverse(Frozen):
    """`{diverse: k}`: k entries that cover the memory, the newest among them, in order of adding."""

    diverse: int = Field(ge=1)


class Nearest(Frozen):
    """`{nearest: k, like: <expr>}`: the k entries most similar to a text, best first; the newest k where it is null."""

    nearest: int = Field(ge=1)
    like: str


class OtherTool(Frozen):
    """`{other_tool: RUN}`: a placebo of like length and style: as many entries, but of another tool in an earlier run.

    That run is read as it stands when this one begins.
    """

    other_tool: RelativePath


Recalled: TypeAlias = Literal["all", "shuffled"] | Diverse | Nearest | OtherTool


if TYPE_CHECKING:

    class _Source(BaseModel): ...

else:
    # `from` is a key of YAML but a keyword of Python, so that no class statement can declare it.
    _Source = create_model("_Source", **{"from": (PathOrURL | None, None)})


class Experience(_Source):
    """Every record of its lifetime, indexed by meaning in Chroma (STE, section 3: the long-term memory of a tool).

    With `from`, which names a run or a store of exemplars: what that one has learnt, read only, to be shown. Of a run
    of `distil.yaml` that is what stands on the training side; with `without`, such a run, all that says something of
    what that one holds out is left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holds: ClassVar[Literal["records"]] = "records"

    recall: Recalled = "all"
    embedder: str | None = None
    """A sentence-transformers model: a folder, or a name on the hub. Unset: all-MiniLM-L6-v2."""
    path: RelativePath | None = None
    """Where it is kept between runs, for `lives: forever`; unset, in the run's folder."""
    url: Address | None = None
    """A Chroma server that holds the index instead of a folder, as in `http://localhost:8000`."""
    collection: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    """With `url` and `lives: forever`, what runs have in common who share the memory. Unset: the memory's own name."""
    only_if: RelativePath | None = None
    """With `from`: the run of an evaluation, which must have adopted the exemplars, or the lessons, that are lent."""
    threads: int = Field(default=1, ge=1)
    """CPU threads of the embedder. More than one helps on idle cores only."""
    without: RelativePath | None = None
    """With `from`: a run of `distil.yaml`. What it holds out is not lent."""

    @property
    def source(self) -> str | None:
        """Where the exemplars come from that it lends; None for a memory of this run's own records."""
        found: str | None = getattr(self, "from")
        return found

    @model_validator(mode="after")
    def _lends_or_keeps(self) -> Self:
        if self.url is not None and (self.path is not None or self.source is not None):
            raise ValueError("`url` says where the index lies; it goes with neither `path` nor `from`")
        if self.collection is not None and self.url is None:
            raise ValueError("`collection` is a name on a server, so that it needs a `url`")
        if self.source is None:
            if self.only_if is not None:
                raise ValueError("`only_if` is about what an earlier run has learnt: it goes with `from`")
            if self.without is not None:
                raise ValueError("`without` leaves something out of what `from` lends, and there is no `from`")
            return self
        if self.only_if is not None and self.source.lower().startswith(("http://", "https://")):
            raise ValueError("`only_if` needs a run or a store's folder as `from`: a server does not say whose it is")
        if self.path is not None:
            raise ValueError("`from` reads what another run has kept, so that there is no `path` to keep anything in")
        if not (self.recall == "all" or isinstance(self.recall, Nearest)):
            raise ValueError("with `from`, `recall` is `all` or `{nearest: k, like: …}`")
        return self

    @property
    def like(self) -> str | None:
        """The expression whose value `recall` gets as `like`."""
        return self.recall.like if isinstance(self.recall, Nearest) else None

    def check_access(self, readers: Collection[type]) -> None:
        """Raise `WorkflowError` where `only_if` names an evaluation that did not adopt what `readers` get from here."""
        if self.source is not None and self.only_if is not None:
            from ste_graph.memory.exemplars.adoption import refuse_unless_adopted

            lessons = LessonView in readers or (RecordView in readers and ExemplarView not in readers)
            exemplars = ExemplarView in readers or not lessons
            refuse_unless_adopted(self.source, self.only_if, exemplars=exemplars, lessons=lessons)

    def open(
        self, name: str, folder: Path, embedder: Embedder | None = None, *, lasting: bool = False
    ) -> ExperienceStore | ExemplarViewStore:
        """The store of memory `name` in `folder`; blocking, it may take a second or two.

        `lasting`: on a server it is one with what other runs leave there. With `path` it always is.

        Raises:
            WorkflowError: the embedder cannot be had, the folder was indexed with another one, or another run holds it.
            RunError: the folder cannot be used.
        """
        # Here, so that checking a workflow imports no numerics.
        if self.source is not None:
            from ste_graph.memory.exemplars.view import ExemplarViewStore

            recall: Literal["all"] | Nearest = self.recall if isinstance(self.recall, Nearest) else "all"
            where = f"memory `{name}`"
            return ExemplarViewStore(where, self.source, folder, recall, embedder or self.embedder, self.without)
        from ste_graph.memory.experience.index import Index
        from ste_graph.memory.experience.shared_index import Share
        from ste_graph.memory.experience.store import ExperienceStore
        from ste_graph.memory.vectors.embedders import embedder_for

        embedder = embedder or embedder_for(self.embedder, self.threads)
        share = None
        if self.path is not None:
            share, folder = Share(name, folder, Path(self.path)), Path(self.path)
        elif lasting and self.url is not None:
            share = Share(name, folder, None)
        index = Index(name, folder, embedder.name, share, self.url, self.collection)
        return ExperienceStore(f"{folder}: memory `{name}`", index, embedder, self.recall)
