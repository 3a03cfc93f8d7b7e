"""The results of tools before a run: in the exemplars of a pack that it goes on from, and in the trials of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ste_graph.contracts import ReadResult, Tool
from ste_graph.errors import WorkflowError
from ste_graph.finished import FinishedRun, open_run
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.packs.pack_import import read_pack_exemplars
from ste_graph.memory.values.matching import list_parameters
from ste_graph.packs.drift import compare_tools
from ste_graph.packs.pack import Pack, open_adopted_pack
from ste_graph.tools.fingerprint import describe_tool, fingerprint


def read_pack_results(path: str, tools: Sequence[Tool]) -> Iterator[ReadResult]:
    """Reads what a pack shows of the results of those `tools` that only read and are as they were.

    Nothing of a pack with pseudonyms, since none of these exists. Raises `WorkflowError` if it cannot be used.
    """
    pack = open_adopted_pack(path)
    if not pack.manifest.pseudonyms:
        fingerprints = {name: own.fingerprint for name, own in pack.definitions.items()}
        yield from _list_results(read_pack_exemplars(pack), fingerprints, tools, pack.manifest.name)


def read_run_results(path: str, tools: Sequence[Tool]) -> Iterator[ReadResult]:
    """Reads the same of the trials of a run and its parts. Raises `WorkflowError` if it is not one or had no tools."""
    name = f"run {Path(path).resolve().name}"
    for part in list_explorations(path):
        yield from _list_results(Exemplar.from_run(part), part.lock["tools"], tools, name)


def list_explorations(path: str) -> list[FinishedRun]:
    """Lists the parts of a run, or the run, that had tools to call. Raises `WorkflowError` if none had."""
    run = open_run(path)
    if not (found := [part for part in (run, *run.sub_runs) if part.lock.get("tools")]):
        raise WorkflowError(f"{path}: this run explored no tool; expected a run of explore.yaml or gain.yaml")
    return found


def explain_silence(path: str, tools: Sequence[Tool]) -> str | None:
    """The reason why a pack tells no values, in words; None if it does, or if no other tool needs any."""
    pack = open_adopted_pack(path)
    if not (needing := _list_needing(pack, tools)):
        return None
    if pack.manifest.pseudonyms:
        why = "pseudonyms stand for them in it"
    elif not pack.exemplars_file.read_bytes().strip():
        why = "it holds no exemplars"
    else:
        return None
    return (
        f"the pack {path} tells no values that exist for {', '.join(needing)}, since {why}; name the exploration that "
        "it was made of: `run: RUN` (of gain.yaml: --set params.values=RUN)"
    )


def _list_needing(pack: Pack, tools: Sequence[Tool]) -> list[str]:
    """The tools that a pack does not know as they are, and that need values which exist."""
    current = compare_tools(pack.definitions, tools).same
    return [
        f"`{tool.name}`"
        for tool in tools
        if tool.name not in current
        and any(each.is_required and each.is_identifier for each in list_parameters(describe_tool(tool)))
    ]


def _list_results(
    exemplars: Iterable[Exemplar], fingerprints: Mapping[str, str], tools: Sequence[Tool], source: str
) -> Iterator[ReadResult]:
    descriptions = {
        tool.name: tool.description
        for tool in tools
        if tool.effect == "read" and fingerprints.get(tool.name) == fingerprint(tool)
    }
    for exemplar in exemplars:
        for call in exemplar.calls:
            if call.action in descriptions and call.succeeded and call.observation is not None:
                yield ReadResult(
                    tool=call.action,
                    description=descriptions[call.action],
                    data=None,
                    text=call.observation.text,
                    source=source,
                )
