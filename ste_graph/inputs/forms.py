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

    With `since`, a pack, also those of the pack for tools that the run wrote none for; where neither has any, an empty
    one of no tool. Each has `tool`, `text`, `fingerprint`, and in `origin` the run that it comes from.
    """

    workflow: ClassVar[str] = "guideline"
    run: RelativePath | None = None
    """A run of `guideline.yaml`, or a pack."""
    since: RelativePath | None = None
    """A pack, whose guidelines count for tools that the run wrote none for."""

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
        kept = open_adopted_pack(self.since) if self.since is not None else None
        written = read_guidelines(run)
        found = written if kept is not None else _require(written, run, self.workflow)
        items: list[Json] = [
            {
                "tool": each.tool,
                "text": each.text,
                "fingerprint": each.fingerprint,
                "origin": _origin(run, each.source_id),
            }
            for each in found
        ]
        if kept is None:
            return items
        origin, known = _origin(run, read_source_id(run)), {each.tool for each in found if each.text}
        items = [item for item in items if item["tool"] in known] + [
            {"tool": tool, "text": text, "fingerprint": _fingerprint(kept, tool), "origin": origin}
            for tool, text in kept.guideline.items()
            if tool not in known
        ]
        return items or [{"tool": "", "text": "", "fingerprint": None, "origin": origin}]  # an arm that shows nothing


class RunDescriptions(Frozen):
    """The rewritten descriptions of a run of `describe.yaml`, or of a pack, by tool; nothing without a `run`.

    With `since`, a pack, also those of the pack for tools whose descriptions the run did not rewrite; where neither has
    any, an empty one of no tool that was not kept. Each has `tool`, `description`, `parameters` (descriptions by name),
    `kept`, `fingerprint`, and in `origin` the run that it comes from.
    """

    workflow: ClassVar[str] = "describe"
    run: RelativePath | None = None
    """A run of `describe.yaml`, or a pack."""
    since: RelativePath | None = None
    """A pack, whose descriptions count for tools that the run rewrote none of."""

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
        kept = open_adopted_pack(self.since) if self.since is not None else None
        written = read_descriptions(run)
        found = written if kept is not None else _require(written, run, self.workflow)
        items: list[Json] = [
            {**each.model_dump(mode="json", include=names), "origin": _origin(run, each.source_id)} for each in found
        ]
        if kept is None:
            return items
        origin, known = _origin(run, read_source_id(run)), {each.tool for each in found if each.kept}
        items = [item for item in items if item["tool"] in known or item["tool"] not in kept.descriptions] + [
            {
                "tool": tool, **own.model_dump(mode="json"), "kept": True, "fingerprint": _fingerprint(kept, tool),
                "origin": origin,
            }
            for tool, own in kept.descriptions.items()
            if tool not in known
        ]  # fmt: skip
        none = {"tool": "", "description": "", "parameters": {}, "kept": False, "fingerprint": None, "origin": origin}
        return items or [none]


def _fingerprint(pack: Pack, tool: str) -> str | None:
    return pack.definitions[tool].fingerprint if tool in pack.definitions else None


def _pack_origin(pack: Pack) -> Json:
    """The run whose held-out requests a pack was made without."""
    return {"run_id": pack.run_id, "run": str(pack.path.resolve()), "without": pack.run_id}


def read_source_id(run: FinishedRun) -> str | None:
    """The id of the run whose training side a run was written from; None if that is not there any more."""
    from ste_graph.packs.runs import list_named_runs, list_siblings, locate_run

    try:
        return locate_run(list_named_runs(run, "training_side", "run"), list_siblings(run), "").id
    except WorkflowError:
        return None


def _require(found: list[_Read], run: FinishedRun, workflow: str) -> list[_Read]:
    if not found:
        raise WorkflowError(f"{run.path}: has no {workflow}; expected a run of {workflow}.yaml that is finished")
    return found


def _origin(run: FinishedRun, source_id: str | None) -> Json:
    """The run, and as `without` the run whose held-out requests it was written without."""
    return {"run_id": run.id, "run": str(run.path.resolve()), "without": source_id}
