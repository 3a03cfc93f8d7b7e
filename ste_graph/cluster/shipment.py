"""A workflow on its way to the workers: its tree in memory, and the circumstances in which it is checked there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ste_graph.cluster.services import READS
from ste_graph.contracts import Json
from ste_graph.diagnostics import DiagnosticsError, Span
from ste_graph.errors import RunError
from ste_graph.language.check import VariantCheck
from ste_graph.language.sections.setting_values import is_environment
from ste_graph.language.source.files import bundled_workflows
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, SequenceNode, Tree
from ste_graph.language.variant import VariantRequest
from ste_graph.language.workflow import Workflow
from ste_graph.run.unit.unit_context import SharedContext

BUNDLED = "<workflows>/"
"""Stands for the folder of the workflows that come with the package, which may be elsewhere on another machine."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings in which a workflow runs."""

    folder: Path
    """The current folder of the driver."""
    is_sent: bool
    """True if Ray sends a copy of that folder, which is the worker's current folder then."""
    modules: tuple[str, ...]
    """The folders in which Python looks for modules."""
    variables: Mapping[str, str | None]
    """The environment variables that the workflow names, with their values: they travel in memory alone."""
    version: str

    @classmethod
    def here(cls, request: VariantRequest, *, is_sent: bool) -> Surroundings:
        """Those of this process."""
        variables = {name: os.environ.get(name) for name in sorted(set(_variables(request.tree)))}
        return cls(Path.cwd(), is_sent, tuple(sys.path), variables, version("ste-graph"))

    def enter(self) -> None:
        """Make them those of this process. Raises `RunError` if it has another version of the package."""
        if (own := version("ste-graph")) != self.version:
            raise RunError(f"has ste-graph {own}, and the driver {self.version}; install the same version on all nodes")
        if not self.is_sent:
            try:
                os.chdir(self.folder)
            except OSError as error:
                raise RunError(f"has no folder {self.folder} ({error.strerror})") from error
        sys.path += [path for path in self.modules if path not in sys.path and Path(path).is_dir()]
        for name, value in self.variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass(frozen=True, slots=True)
class Shipment:
    """A workflow as it was checked, to be checked again where its units run."""

    run: str
    """The run's own folder, which tells runs apart."""
    request: VariantRequest
    surroundings: Surroundings
    items: Mapping[str, list[Json]]
    dry_run: bool
    protocols: Mapping[str, str]
    memories: Mapping[str, tuple[str, ...]]
    """Per record memory the methods by which units read it."""
    has_cassette: bool

    @classmethod
    def of(cls, shared: SharedContext, *, is_sent: bool) -> Shipment:
        """The shipment of the workflow of a run."""
        workflow, run = shared.workflow, shared.run
        request = workflow.request
        if request is None:
            raise RunError(f"{workflow.file}: a workflow that was not made from a file cannot be sent to a cluster")
        here = Surroundings.here(request, is_sent=is_sent)
        return cls(
            run=str(run.folder),
            request=_move(request, _portable(here.folder) if is_sent else str),
            surroundings=here,
            items=workflow.items,
            dry_run=run.dry_run,
            protocols=shared.protocols,
            memories={
                name: tuple(method for method in READS if hasattr(store, method))
                for name, store in shared.stores.items()
            },
            has_cassette=workflow.cassette is not None and workflow.cassette.mode != "live",
        )

    def open(self) -> Workflow:
        """The workflow, checked in this process. Raises `RunError`."""
        self.surroundings.enter()
        findings = Findings()
        workflow = VariantCheck.check(_move(self.request, _local), findings)
        if workflow is None:
            raise RunError(f"cannot use the workflow:\n{DiagnosticsError(findings.diagnostics)}")
        return replace(workflow, items=self.items)


def list_own_files(request: VariantRequest) -> list[str]:
    """The files that a workflow was composed of: they may hold a secret in plain text."""
    return sorted({part.span.file for part in _walk(request.tree) if not part.span.file.startswith("--")})


def _portable(folder: Path) -> Callable[[str], str]:
    """A function that makes a path valid on another machine: relative to the folder that is sent along."""
    bundled = {str(path): f"{BUNDLED}{path.name}" for path in bundled_workflows().values()}

    def convert(file: str) -> str:
        if file in bundled:
            return bundled[file]
        path = Path(file)
        return str(path.relative_to(folder)) if path.is_absolute() and path.is_relative_to(folder) else file

    return convert


def _local(file: str) -> str:
    """The path on this machine."""
    if not file.startswith(BUNDLED):
        return file
    return str(bundled_workflows().get(Path(file).stem, file))


def _move(request: VariantRequest, convert: Callable[[str], str]) -> VariantRequest:
    """The request with all its places in files that `convert` names."""

    def place(span: Span) -> Span:
        return replace(span, file=convert(span.file))

    def move(tree: Tree) -> Tree:
        match tree:
            case ScalarNode():
                return replace(tree, span=place(tree.span))
            case SequenceNode():
                return SequenceNode(tuple(map(move, tree.items)), place(tree.span))
            case MappingNode():
                entries = {
                    key: MappingEntry(place(entry.key_span), move(entry.value)) for key, entry in tree.entries.items()
                }
                return MappingNode(entries, place(tree.span))

    tree, base = move(request.tree), move(request.base)
    assert isinstance(tree, MappingNode)
    assert isinstance(base, MappingNode)
    file, callers = Path(convert(str(request.file))), tuple(Path(convert(str(path))) for path in request.callers)
    return replace(request, tree=tree, base=base, file=file, callers=callers)


def _walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    match tree:
        case SequenceNode():
            inner: Sequence[Tree] = tree.items
        case MappingNode():
            inner = [entry.value for entry in tree.entries.values()]
        case _:
            inner = ()
    for part in inner:
        yield from _walk(part)


def _variables(tree: Tree) -> Iterator[str]:
    for part in _walk(tree):
        if is_environment(part) and isinstance(name := part.at(["env"]), ScalarNode):
            yield str(name.value)
