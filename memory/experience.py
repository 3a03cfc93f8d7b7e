"""Long-term memory: every record kept, and which of them to show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from ste_graph.contracts import Frozen
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from .embedders import Embedder
    from .store import ExperienceStore


class Diverse(Frozen):
    """`{diverse: k}`: k entries that cover the memory, the newest among them, in order of adding."""

    diverse: int = Field(ge=1)


class Nearest(Frozen):
    """`{nearest: k, like: <expr>}`: the k entries most similar to a text, best first; the newest k where it is null."""

    nearest: int = Field(ge=1)
    like: str


Recalled: TypeAlias = Literal["all", "shuffled"] | Diverse | Nearest


class Experience(BaseModel):
    """Every record of its lifetime, indexed by meaning in Chroma (STE, section 3: the long-term memory of a tool)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    holds: ClassVar[Literal["records"]] = "records"

    recall: Recalled = "all"
    embedder: str | None = None
    """A sentence-transformers model: a folder, or a name on the hub. Unset: all-MiniLM-L6-v2."""
    path: RelativePath | None = None
    """Where it is kept between runs, for `lives: forever`; unset, in the run's folder."""
    threads: int = Field(default=1, ge=1)
    """CPU threads of the embedder. More than one helps on idle cores only."""

    @property
    def like(self) -> str | None:
        """The expression whose value `recall` gets as `like`."""
        return self.recall.like if isinstance(self.recall, Nearest) else None

    def open(self, name: str, folder: Path, embedder: Embedder | None = None) -> ExperienceStore:
        """The store of memory `name` in `folder`; blocking, it may take a second or two.

        Raises:
            WorkflowError: the embedder cannot be had, the folder was indexed with another one, or another run holds it.
            RunError: the folder cannot be used.
        """
        # Here, so that checking a workflow imports no numerics.
        from .embedders import embedder_for
        from .index import Index
        from .share import Share
        from .store import ExperienceStore

        embedder = embedder or embedder_for(self.embedder, self.threads)
        share = None
        if self.path is not None:
            share, folder = Share(name, Path(self.path), folder), Path(self.path)
        index = Index(name, folder, embedder.name, share)
        return ExperienceStore(f"{folder}: memory `{name}`", index, embedder, self.recall)
