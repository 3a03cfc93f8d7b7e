"""Forms of learning that earlier runs wrote: guidelines and rewritten descriptions, by tool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.forms.description import DescriptionRecord
from ste_graph.forms.guideline import GuidelineRecord
from ste_graph.forms.reading import read_descriptions, read_guidelines
from ste_graph.packs.manifest import is_pack
from ste_graph.packs.pack import Pack, open_adopted_pack
from ste_graph.packs.runs import list_named_runs, list_siblings, locate_run
from ste_graph.settings import RelativePath


class _RunForms(Frozen):
    """The texts of one form that a run wrote, or that a pack has, one item per tool; nothing without a `run`."""

    workflow: ClassVar[str]
    counted: ClassVar[str]
    """The field that is empty or false in a record that leaves things as they were."""
    nothing: ClassVar[dict[str, Json]]
    """The fields of an item that shows nothing."""

    run: RelativePath | None = None
    """The run of the workflow that writes them (`guideline.yaml`, `describe.yaml`), or a pack."""
    since: RelativePath | None = None
    """A pack, whose texts count for tools that the run wrote none for."""

    def items(self) -> list[Json]:
        """One per tool, those that say nothing new included. Raises `WorkflowError` if the run made none at all."""
        if self.run is None:
            return []
        if is_pack(Path(self.run)):
            pack = open_adopted_pack(self.run)
            return self._take_kept(pack, _origin(pack.run_id, pack.path, pack.run_id))
        run = open_run(Path(self.run))
        records = self.read(run)
        names = {"tool", *self.nothing, "fingerprint"}
        written: list[Json] = [
            {**each.model_dump(mode="json", include=names), "origin": _origin(run.id, run.path, each.source_id)}
            for each in records
        ]
        if self.since is None:
            if not written:
                text = f"{run.path}: has no {self.workflow}; expected a run of {self.workflow}.yaml that is finished"
                raise WorkflowError(text)
            return written
        origin = _origin(run.id, run.path, read_source_id(run))
        known = {each.tool for each in records if getattr(each, self.counted)}
        kept = [item for item in self._take_kept(open_adopted_pack(self.since), origin) if item["tool"] not in known]
        replaced = {item["tool"] for item in kept}
        found = [*(item for item in written if item["tool"] not in replaced), *kept]
        return found or [{"tool": "", **self.nothing, "fingerprint": None, "origin": origin}]

    def _take_kept(self, pack: Pack, origin: Json) -> list[Json]:
        return [
            {
                "tool": tool, **own, "origin": origin,
                "fingerprint": pack.definitions[tool].fingerprint if tool in pack.definitions else None,
            }
            for tool, own in self.read_pack(pack).items()
        ]  # fmt: skip

    def read(self, run: FinishedRun) -> Sequence[GuidelineRecord | DescriptionRecord]:
        """The records of a run, in the order of its journal."""
        raise NotImplementedError

    def read_pack(self, pack: Pack) -> dict[str, dict[str, Json]]:
        """The texts of a pack, by tool."""
        raise NotImplementedError


class RunGuidelines(_RunForms):
    """The guidelines of a run of `guideline.yaml`, or of a pack, one per tool; nothing without a `run`.

    With `since`, a pack, also those of the pack for tools that the run wrote none for; where neither has any, an empty
    one of no tool. Each has `tool`, `text`, `fingerprint`, and in `origin` the run that it comes from.
    """

    workflow: ClassVar[str] = "guideline"
    counted: ClassVar[str] = "text"
    nothing: ClassVar[dict[str, Json]] = {"text": ""}

    def read(self, run: FinishedRun) -> Sequence[GuidelineRecord]:
        return read_guidelines(run)

    def read_pack(self, pack: Pack) -> dict[str, dict[str, Json]]:
        return {tool: {"text": text} for tool, text in pack.guideline.items()}


class RunDescriptions(_RunForms):
    """The rewritten descriptions of a run of `describe.yaml`, or of a pack, by tool; nothing without a `run`.

    With `since`, a pack, also those of the pack for tools whose descriptions the run did not rewrite; where neither has
    any, an empty one of no tool that was not kept. Each has `tool`, `description`, `parameters` (descriptions by name),
    `kept`, `fingerprint`, and in `origin` the run that it comes from.
    """

    workflow: ClassVar[str] = "describe"
    counted: ClassVar[str] = "kept"
    nothing: ClassVar[dict[str, Json]] = {"description": "", "parameters": {}, "kept": False}

    def read(self, run: FinishedRun) -> Sequence[DescriptionRecord]:
        return read_descriptions(run)

    def read_pack(self, pack: Pack) -> dict[str, dict[str, Json]]:
        return {tool: {**own.model_dump(mode="json"), "kept": True} for tool, own in pack.descriptions.items()}


def read_source_id(run: FinishedRun) -> str | None:
    """The id of the run whose training side a run was written from; None if that is not there any more."""
    try:
        return locate_run(list_named_runs(run, "training_side", "run"), list_siblings(run), "").id
    except WorkflowError:
        return None


def _origin(run_id: str, path: Path, without: str | None) -> Json:
    """A run or a pack, and as `without` the run whose held-out requests it was written without."""
    return {"run_id": run_id, "run": str(path.resolve()), "without": without}
