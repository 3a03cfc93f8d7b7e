"""Chroma's client of a folder or a server, and what to say of its faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ste_graph.errors import RunError, SteError
from ste_graph.memory.vectors.chroma_workarounds import forget_failed_start, is_chroma_error

if TYPE_CHECKING:
    from chromadb.api import ClientAPI


@dataclass(frozen=True, slots=True)
class Wording:
    """The name of a collection in messages, and their advice."""

    label: str
    fault: str
    """The advice if Chroma cannot read or write."""
    misfit: str
    """The advice if the collection was made for another embedder, metric or layout."""


def open_client(where: str | Path) -> ClientAPI:
    """The client of a folder, or of a server's address. Raises whatever Chroma raises."""
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if isinstance(where, Path):
        where.mkdir(parents=True, exist_ok=True)
        try:
            return chromadb.PersistentClient(where, settings)
        except BaseException:
            forget_failed_start(where)
            raise
    parts = urlsplit(where)
    ssl = parts.scheme == "https"
    return chromadb.HttpClient(
        parts.hostname or "localhost", parts.port or (443 if ssl else 8000), ssl, settings=settings
    )


class Guard:
    """Turns whatever Chroma raises into a `RunError` that says where."""

    def __init__(self, what: str, advice: str) -> None:
        self._what, self._advice = what, advice

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if is_chroma_error(error) and not isinstance(error, SteError):
            raise RunError(f"{self._what} ({type(error).__name__}: {error}). {self._advice}") from error
