"""The log of an exemplar store: one line per exemplar, the truth that the index is made from."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.jsonl import LineFile, scan_lines
from ste_graph.files.regular import check_regular
from ste_graph.memory.exemplars.exemplar import Exemplar, first_problem, json_line

_log = logging.getLogger("ste_graph.memory")
_KEPT = "what was being added is not in the store, everything else is"
_RETRY = "add it again"


@dataclass(frozen=True, slots=True)
class ExemplarRow:
    """An exemplar as working memory holds it."""

    id: str
    tool: str
    tools: frozenset[str]
    gates: frozenset[str]
    stale: bool
    digest: str
    text: int
    """The hash of the request, see `text_hash`: while it stays, the vector stays."""


class RowMaker:
    """Makes the rows of exemplars. Rows share equal sets, which keeps large stores small."""

    def __init__(self) -> None:
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def __call__(self, exemplar: Exemplar) -> ExemplarRow:
        """The row of an exemplar."""
        tools, gates = (self._sets.setdefault(names, names) for names in (exemplar.tools, frozenset(exemplar.verified)))
        text = text_hash(exemplar.query)
        return ExemplarRow(exemplar.id, sys.intern(exemplar.tool), tools, gates, exemplar.stale, exemplar.digest, text)


def text_hash(text: str) -> int:
    """A number in [0, 2**64) that is the same for the same text in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class ExemplarLog:
    """A file of exemplars as JSON lines; of two lines with one id the later one counts.

    A line that is damaged is left out and named once; a last line without its newline was never finished. Only who
    holds the store's lock may write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged: list[str] = []
        """The faults in the lines read so far: file, line, and what was expected."""
        self._offset = 0
        self._number = 0
        self._inode: int | None = None

    @property
    def is_replaced(self) -> bool:
        """True if the file is not the one that was read, so that all must be read again."""
        try:
            status = self.path.stat()
        except OSError:
            return self._inode is not None
        return self._inode is not None and (status.st_ino != self._inode or status.st_size < self._offset)

    def rewind(self) -> None:
        """Begin again with the first line."""
        self._offset, self._number, self._inode = 0, 0, None
        self.damaged.clear()

    def read_new(self, *, quiet: bool = False, unfinished: bool = False) -> Iterator[Exemplar]:
        """The exemplars of the lines since the last call, or since `rewind`."""
        with suppress(OSError):
            self._inode = self.path.stat().st_ino
        for line, end in scan_lines(self.path, self._offset, unfinished=unfinished):
            self._offset = end
            self._number += 1
            try:
                yield Exemplar.model_validate_json(line)
            except ValidationError as error:
                self._skip(error, quiet=quiet)

    def exemplars(self) -> list[Exemplar]:
        """Every exemplar in its latest form, in the order of their first lines."""
        return list({exemplar.id: exemplar for exemplar in ExemplarLog(self.path).read_new(quiet=True)}.values())

    def append(self, exemplars: Sequence[Exemplar]) -> None:
        """Add lines, durably: all or, with a `RunError`, none."""
        file = LineFile(self.path, kept=_KEPT, retry=_RETRY)
        try:
            file.append_lines((json_line(exemplar) + b"\n" for exemplar in exemplars), durable=True)
        finally:
            file.close()

    def remove(self, ids: Collection[str]) -> None:
        """Write the file without these exemplars: nothing of them stays in it. Raises `RunError`."""
        left = [exemplar for exemplar in self.exemplars() if exemplar.id not in ids]
        lines = (json_line(exemplar) + b"\n" for exemplar in left)
        write_atomically(self.path, lines, kept=_KEPT, retry=_RETRY)

    def _skip(self, error: ValidationError, *, quiet: bool) -> None:
        problem = f"{self.path}:{self._number}: this line is left out: not an exemplar ({first_problem(error)})"
        self.damaged.append(problem)
        if not quiet:
            _log.warning("%s; the rest is used", problem)


def read_jsonl(path: Path) -> tuple[list[Exemplar], list[str]]:
    """The exemplars of a JSONL file, and what is wrong with its other lines. Raises `WorkflowError`."""
    try:
        check_regular(path)
    except OSError as error:
        what = "file not found" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
        raise WorkflowError(f"{path}: {what}; expected exemplars as JSON lines") from None
    log = ExemplarLog(path)
    exemplars = {exemplar.id: exemplar for exemplar in log.read_new(quiet=True, unfinished=True)}
    return list(exemplars.values()), log.damaged
