"""The settings of a long-term memory, as YAML has them (`use: chroma`)."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from ste_graph.addresses import is_web_address
from ste_graph.contracts import ExemplarView, LessonView, Origin, RecordView, Tool
from ste_graph.errors import WorkflowError
from ste_graph.memory.experience.recall_settings import Nearest, RecallSetting
from ste_graph.memory.vectors.snapshot import EXEMPLARS, SNAPSHOT
from ste_graph.settings import PathOrURL, RelativePath, WebAddress

if TYPE_CHECKING:
    from ste_graph.memory.exemplars.view import ExemplarViewStore
    from ste_graph.memory.experience.store import ExperienceStore
    from ste_graph.memory.vectors.embedders import Embedder


_PLACE = frozenset({"use", "path", "url", "collection", "from", "without", "only_if", "since"})
"""The settings that say where a memory is, and which of its entries are shown."""

if TYPE_CHECKING:

    class _Source(BaseModel): ...

else:
    # `from` is a key of YAML but a keyword of Python, so that no class statement can declare it.
    _FROM = Field(default=None, description="A run, a pack or a store of exemplars: what was learnt there is shown.")
    _Source = create_model("_Source", **{"from": (PathOrURL | None, _FROM)})


class Experience(_Source):
    """Every record of its lifetime, indexed by meaning in Chroma (STE, section 3: the long-term memory of a tool).

    With `from`, which names a run, a pack or a store of exemplars: what was learnt there, read only, to be shown. A
    pack is refused if nothing in it was adopted, or if the workflow's tools have changed since. Of a run of
    `distil.yaml` that is its training side; with `without`, which names such a run, everything is left out that says
    something about what that run holds out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holds: ClassVar[Literal["records"]] = "records"

    recall: RecallSetting = "all"
    """The part that a prompt shows: `all`, `{diverse: k}`, `{nearest: k, like: …}`, `shuffled`, `{other_tool: RUN}`."""
    embedder: str | None = None
    """A sentence-transformers model: a folder, or a name on the hub. Unset: all-MiniLM-L6-v2."""
    path: RelativePath | None = None
    """The place where it is kept between runs, for `lives: forever`; unset, in the run's folder."""
    url: WebAddress | None = None
    """A Chroma server that holds the index instead of a folder, as in `http://localhost:8000`."""
    collection: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    """With `url` and `lives: forever`: the name under which runs share the memory. Unset: the memory's own."""
    only_if: RelativePath | None = None
    """With `from`: the run of an evaluation, which must have adopted the exemplars, or the lessons, that are read."""
    threads: int = Field(default=1, ge=1)
    """CPU threads of the embedder. More than one helps on idle cores only."""
    without: RelativePath | None = None
    """With `from`: a run of `distil.yaml`. What it holds out is left out."""
    since: RelativePath | None = None
    """With `from`: a pack that this run went on from. Its lessons of the tools that it was kept for are shown too."""

    @property
    def source(self) -> str | None:
        """The run or store whose exemplars it reads; None for a memory of this run's own records."""
        found: str | None = getattr(self, "from")
        return found

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.url is not None and (self.path is not None or self.source is not None):
            raise ValueError("`url` says where the index is; it cannot be combined with `path` or `from`")
        if self.collection is not None and self.url is None:
            raise ValueError("`collection` is a name on a server; it needs a `url`")
        if self.source is None:
            if self.only_if is not None:
                raise ValueError("`only_if` is about what an earlier run has learnt; it needs a `from`")
            if self.without is not None:
                raise ValueError("`without` leaves something out of what `from` names; it needs a `from`")
            if self.since is not None:
                raise ValueError("`since` adds to what `from` names; it needs a `from`")
            return self
        if self.only_if is not None and is_web_address(self.source):
            raise ValueError("`only_if` needs a run or a store's folder as `from`: a server does not say whose it is")
        if self.path is not None:
            raise ValueError(
                "`from` reads what another run keeps; it cannot be combined with `path`, where this run keeps things"
            )
        if not (self.recall == "all" or isinstance(self.recall, Nearest)):
            raise ValueError("with `from`, `recall` is `all` or `{nearest: k, like: …}`")
        return self

    @property
    def like(self) -> str | None:
        """The expression whose value is passed to `recall` as `like`."""
        return self.recall.like if isinstance(self.recall, Nearest) else None

    def check_access(self, readers: Collection[type]) -> None:
        """Raise `WorkflowError` if `only_if` names an evaluation that did not adopt what `readers` get from here."""
        from ste_graph.packs.manifest import is_pack

        if self.source is not None and not is_web_address(self.source) and is_pack(Path(self.source)):
            self._check_pack(self.source, readers)
        if self.source is not None and self.only_if is not None:
            from ste_graph.memory.exemplars.adoption import require_adopted

            lessons = LessonView in readers or (RecordView in readers and ExemplarView not in readers)
            exemplars = ExemplarView in readers or not lessons
            require_adopted(self.source, self.only_if, exemplars=exemplars, lessons=lessons)

    def check_use(self, tools: Sequence[Tool], models: Collection[str]) -> list[str]:
        """Say if `from` names a pack that was proven with another model than these.

        Raises `WorkflowError` if it was proven with other tools.
        """
        from ste_graph.packs.drift import require_current
        from ste_graph.packs.manifest import is_pack
        from ste_graph.packs.pack import open_adopted_pack

        if self.source is None or is_web_address(self.source) or not is_pack(Path(self.source)):
            return []
        pack = open_adopted_pack(self.source)
        if tools:
            require_current(pack, tools)
        if not models or pack.manifest.model in models:
            return []
        return [
            f"the pack {self.source} was proven with {pack.manifest.model}, and this run asks "
            f"{', '.join(sorted(models))}; whether it gains there, says: ste pack verify {self.source} --model NAME"
        ]

    def check_origin(self, tests: Collection[Origin]) -> None:
        """Raise `WorkflowError` if `from` names another run than one of `tests`, and `without` does not name that one.

        A store of the exemplars of several runs is known once it is open, see the node `show`.
        """
        from ste_graph.finished import is_run, open_run
        from ste_graph.packs.manifest import is_pack
        from ste_graph.packs.pack import open_adopted_pack

        if self.source is None or is_web_address(self.source):
            return
        source = Path(self.source)
        if is_pack(source):
            own = {open_adopted_pack(self.source).run_id}
        elif is_run(source):
            run = open_run(source)
            own = {part.id for part in (run, *run.sub_runs)}
        else:
            return
        left_out = {open_run(self.without).id} if self.without is not None else set()
        for test in tests:
            if test.run_id not in own | left_out:
                raise WorkflowError(
                    f"`from: {self.source}` might show what is tested, which {test.run} holds out: name the run whose "
                    f"held-out requests are left out, `without: {test.run}`"
                )

    def carry_over(self, origin: Path, folder: Path, *, changed: Collection[str]) -> None:
        """Copy which entries of other runs there were: what was left since is not the fork's to know.

        Nothing is copied where the fork reads another place.
        """
        if _PLACE.isdisjoint(changed):
            for known in (origin / SNAPSHOT, origin / EXEMPLARS):
                if known.is_file():
                    folder.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(known, folder / known.name)

    def _check_pack(self, source: str, readers: Collection[type]) -> None:
        """Raise `WorkflowError` if a pack is not whole, or did not adopt what `readers` get from it."""
        from ste_graph.packs.pack import open_adopted_pack

        pack = open_adopted_pack(source)
        wanted = [("exemplars", ExemplarView in readers), ("lessons", LessonView in readers)]
        if missing := [form for form, is_wanted in wanted if is_wanted and form not in pack.manifest.forms]:
            raise WorkflowError(
                f"{source}: this pack has no {' and no '.join(missing)}; it adopted {', '.join(pack.manifest.forms)}"
            )

    def open(
        self, name: str, folder: Path, embedder: Embedder | None = None, *, lasting: bool = False
    ) -> ExperienceStore | ExemplarViewStore:
        """The store of memory `name` in `folder`; blocking, it may take a second or two.

        `lasting`: on a server it is one with what other runs leave there. With `path` it always is.

        Raises:
            WorkflowError: the embedder cannot be had, the folder was indexed with another one, or another run holds it.
            RunError: the folder cannot be used.
        """
        # Imported here, so that checking a workflow imports no numerics.
        if self.source is not None:
            from ste_graph.memory.exemplars.adoption import find_adopted_tools
            from ste_graph.memory.exemplars.view import ExemplarViewStore

            tools = None if self.only_if is None else find_adopted_tools(self.source, self.only_if)
            k = self.recall.nearest if isinstance(self.recall, Nearest) else None
            label = f"memory `{name}`"
            chosen = embedder or self.embedder
            return ExemplarViewStore(label, self.source, folder, k, chosen, self.without, tools, self.since)
        from ste_graph.memory.experience.index import EntryIndex
        from ste_graph.memory.experience.shared_index import SharedIndex
        from ste_graph.memory.experience.store import ExperienceStore
        from ste_graph.memory.vectors.embedders import embedder_for

        embedder = embedder or embedder_for(self.embedder, self.threads)
        shared = None
        if self.path is not None:
            shared, folder = SharedIndex(name, folder, Path(self.path)), Path(self.path)
        elif lasting and self.url is not None:
            shared = SharedIndex(name, folder, None)
        index = EntryIndex.open(name, folder, embedder.name, shared, self.url, self.collection)
        return ExperienceStore(f"{folder}: memory `{name}`", index, embedder, self.recall)
