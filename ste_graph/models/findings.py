"""The findings of `ste doctor` about a server and model, kept in the user's cache for the runs that come after it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from ste_graph.contracts import Frozen
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_atomically, write_error
from ste_graph.files.cache import cache_folder
from ste_graph.files.document import read_json
from ste_graph.ids import now
from ste_graph.json_values import digest

FOLDER: Final = "doctor"


class ServerFindings(Frozen):
    """The findings of one server and model that a run begins with."""

    model: str
    """The label of its adapter."""
    server: str
    """The adapter's location, without credentials; "" for a model that a run starts itself."""
    protocol: Literal["native", "json", "react"]
    """The form in which calls are best asked for."""
    found: str = ""
    """The time in ISO 8601."""

    @property
    def path(self) -> Path:
        """The file that keeps them."""
        return _path(self.model, self.server)


def keep_findings(findings: ServerFindings) -> ServerFindings:
    """Write findings over those of the same server and model; returns them with their time. Raises `RunError`."""
    dated = findings.model_copy(update={"found": now()})
    advice = {"kept": "runs will not know what was found", "retry": "ask again, or set STE_CACHE to another folder"}
    try:
        dated.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(dated.path, error, **advice) from error
    write_atomically(dated.path, dated.model_dump_json(indent=2) + "\n", **advice)
    return dated


def find_findings(model: str, server: str) -> ServerFindings | None:
    """The findings of a server and model; None where it was never asked, or the file is damaged."""
    try:
        findings = ServerFindings.model_validate(read_json(_path(model, server)))
    except (WorkflowError, ValidationError):
        return None
    return findings if (findings.model, findings.server) == (model, server) else None


def _path(model: str, server: str) -> Path:
    return cache_folder(FOLDER) / f"{digest([model, server], length=16)}.json"
