"""A request to check one variant (or the base) of a workflow file, and the protocol of the function that does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import MappingNode
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class VariantRequest:
    """One variant of a file to check."""

    tree: MappingNode
    """The composed file with the variant's changes."""
    base: MappingNode
    """The tree without the variant's changes: it has the nodes and memories that the variant turns off."""
    file: Path
    variant: str | None
    plugins: bool = True
    """False: the files in `plugins:` are not imported."""
    callers: tuple[Path, ...] = ()
    """The files that run this one as a sub-workflow."""


class CheckVariant(Protocol):
    """`ste_graph.language.check.VariantCheck.check`; a parameter here, because it in turn reads `run:` blocks."""

    def __call__(self, request: VariantRequest, findings: Findings) -> Workflow | None: ...
