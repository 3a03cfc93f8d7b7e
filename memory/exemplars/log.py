"""The log of an exemplar store: one line per exemplar, the truth that the index is made from."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.jsonl import LineFile, scan_lines
from ste_graph.memory.exemplars.exemplar import Exemplar, line_of

_log = logging.getLogger("ste_graph.memory")
_KEPT = "what was being added is not in the store, everything else is"
_RETRY = "add it again"


@dataclass(frozen=True, slots=True)
class Row:
    """What working memory keeps of an exemplar."""

    id: str
    tool: str
    tools: frozenset[str]
    gates: frozenset[str]
    stale: bool
    digest: str
    text: int
    """The request's number, see `number_of`: while it stays, the vector stays."""


def row_of(exemplar: Exemplar, known: dict[frozenset[str], frozenset[str]]) -> Row:
    """The row of an exemplar. `known` holds the sets met so far; equal ones are shared, to keep large stores small."""
    tools, gates = exemplar.tools, frozenset(exemplar.verified)
    tools, gates = known.setdefault(tools, tools), known.setdefault(gates, gates)
    tool = sys.intern(exemplar.tool)
    return Row(exemplar.id, tool, tools, gates, exemplar.stale, exemplar.digest, number_of(exemplar.query))


def number_of(text: str) -> int:
    """A number that stands for a text, the same in every process and in every run that has it."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class ExemplarLog:
    """A file of exemplars as JSON lines; of two lines with one id the later one counts.

    A line that is damaged is left out and named once; a last line without its newline is one that was never finished.
    Only who holds the store's lock may write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged: list[str] = []
        """What is wrong with the lines read so far: file, line, and what was expected."""
        self._at = 0
        self._number = 0
        self._inode: int | None = None
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    @property
    def replaced(self) -> bool:
        """Whether the file is another one than was read, so that all must be read anew."""
        try:
            there = self.path.stat()
        except OSError:
            return self._inode is not None
        return self._inode is not None and (there.st_ino != self._inode or there.st_size < self._at)

    def rewind(self) -> None:
        """Begin again with the first line."""
        self._at, self._number, self._inode = 0, 0, None
        self.damaged.clear()

    def new_rows(self) -> list[Row]:
        """The rows of the lines since the last call, or since `rewind`."""
        return [row_of(exemplar, self._sets) for exemplar in self._new_lines()]

    def exemplars(self) -> Iterator[Exemplar]:
        """Every exemplar as it stands now, in the order of their first lines."""
        reader = ExemplarLog(self.path)
        last: dict[str, Exemplar] = {exemplar.id: exemplar for exemplar in reader._new_lines(quietly=True)}
        return iter(last.values())

    def append(self, exemplars: Sequence[Exemplar]) -> None:
        """Add lines, durably: all or, with a `RunError`, none."""
        file = LineFile(self.path, kept=_KEPT, retry=_RETRY)
        try:
            file.append_lines(map(_encoded, exemplars), durable=True)
        finally:
            file.close()

    def write_anew(self, exemplars: Iterable[Exemplar]) -> None:
        """Make the file hold exactly these exemplars; what stood there is gone."""
        write_atomically(self.path, map(_encoded, exemplars), kept=_KEPT, retry=_RETRY)

    def _new_lines(self, *, quietly: bool = False, unfinished: bool = False) -> Iterator[Exemplar]:
        with suppress(OSError):
            self._inode = self.path.stat().st_ino
        for line, end in scan_lines(self.path, self._at, unfinished=unfinished):
            self._at = end
            self._number += 1
            try:
                yield Exemplar.model_validate_json(line)
            except ValidationError as error:
                self._leave_out(error, quietly=quietly)

    def _leave_out(self, error: ValidationError, *, quietly: bool) -> None:
        self.damaged.append(f"{self.path}:{self._number}: this line is left out: it is no exemplar ({why(error)})")
        if not quietly:
            _log.warning("%s; the rest is used", self.damaged[-1])


def _encoded(exemplar: Exemplar) -> bytes:
    return line_of(exemplar).encode("utf-8", "surrogatepass") + b"\n"


def why(error: ValidationError) -> str:
    """The first thing that is wrong, in a few words."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def read_jsonl(path: Path) -> tuple[list[Exemplar], list[str]]:
    """The exemplars of a JSONL file, and what is wrong with the lines that are none. Raises `WorkflowError`."""
    if not path.is_file():
        raise WorkflowError(f"{path}: there is no such file; expected exemplars as JSON lines")
    log = ExemplarLog(path)
    return list(
        {exemplar.id: exemplar for exemplar in log._new_lines(quietly=True, unfinished=True)}.values()
    ), log.damaged
