"""Forms of learning that earlier runs wrote: guidelines and rewritten descriptions, by tool."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, TypeVar

from ste_graph.contracts import Frozen, Json
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.packs.pack import Pack, open_adopted_pack
from ste_graph.settings import RelativePath

_Read = TypeVar("_Read")


class RunGuidelines(Frozen):
    """The guidelines of a run of `guideline.yaml`, or of a pack, one per tool; nothing without a `run`.

    Each has `tool`, `text`, `fingerprint`, and in `origin` the run that it comes from.
    """

    workflow: ClassVar[str] = "guideline"
    run: RelativePath | None = None
    """A run of `guideline.yaml`, or a pack."""

    def items(self) -> list[Json]:
        """The guidelines that say something. Raises `WorkflowError` if the run made none at all."""
        if self.run is None:
            return []
        from ste_graph.forms.reading import read_guidelines
        from ste_graph.packs.manifest import is_pack

        if is_pack(Path(self.run)):
            pack = open_adopted_pack(self.run)
            return [
                {"tool": tool, "text": text, "fingerprint": _fingerprint(pack, tool), "origin": _pack_origin(pack)}
                for tool, text in pack.guideline.items()
            ]
        run = open_run(Path(self.run))
        return [
            {
                "tool": each.tool,
                "text": each.text,
                "fingerprint": each.fingerprint,
                "origin": _origin(run, each.source_id),
            }
            for each in _require(read_guidelines(run), run, self.workflow)
        ]


class RunDescriptions(Frozen):
    """The rewritten descriptions of a run of `describe.yaml`, or of a pack, by tool; nothing without a `run`.

    Each has `tool`, `description`, `parameters` (descriptions by name), `kept`, `fingerprint`, and in `origin` the run
    that it comes from.
    """

    workflow: ClassVar[str] = "describe"
    run: RelativePath | None = None
    """A run of `describe.yaml`, or a pack."""

    def items(self) -> list[Json]:
        """The descriptions, those that were kept as before included. Raises `WorkflowError` if the run made none."""
        if self.run is None:
            return []
        from ste_graph.forms.reading import read_descriptions
        from ste_graph.packs.manifest import is_pack

        if is_pack(Path(self.run)):
            pack = open_adopted_pack(self.run)
            return [
                {
                    "tool": tool, **own.model_dump(mode="json"), "kept": True, "fingerprint": _fingerprint(pack, tool),
                    "origin": _pack_origin(pack),
                }
                for tool, own in pack.descriptions.items()
            ]  # fmt: skip
        run = open_run(Path(self.run))
        names = {"tool", "description", "parameters", "kept", "fingerprint"}
        return [
            {**each.model_dump(mode="json", include=names), "origin": _origin(run, each.source_id)}
            for each in _require(read_descriptions(run), run, self.workflow)
        ]


def _fingerprint(pack: Pack, tool: str) -> str | None:
    return pack.definitions[tool].fingerprint if tool in pack.definitions else None


def _pack_origin(pack: Pack) -> Json:
    """The run whose held-out requests a pack was made without."""
    return {"run_id": pack.run_id, "run": str(pack.path.resolve()), "without": pack.run_id}


def _require(found: list[_Read], run: FinishedRun, workflow: str) -> list[_Read]:
    if not found:
        raise WorkflowError(f"{run.path}: has no {workflow}; expected a run of {workflow}.yaml that is finished")
    return found


def _origin(run: FinishedRun, source_id: str | None) -> Json:
    """The run, and as `without` the run whose held-out requests it was written without."""
    return {"run_id": run.id, "run": str(run.path.resolve()), "without": source_id}
