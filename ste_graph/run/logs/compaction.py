"""Compaction of a run: the logs of its finished units are compressed, and nothing else about it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.compressed import compress, compressed_path, remove_leftovers
from ste_graph.files.lock import FileLock, LockHeldError
from ste_graph.run.folder import SUB_RUNS, RunFolder
from ste_graph.run.logs.step_log import open_logs


@dataclass(slots=True)
class Compaction:
    """The work of a compaction."""

    compressed: int = 0
    """The logs that were compressed now."""
    before: int = 0
    """The logs that were compressed before."""
    open: int = 0
    """The logs of units that are not finished: they stay as they are."""
    bytes: int = 0
    saved: int = 0
    """The size of the logs that were compressed now, and how many bytes smaller they are."""

    def add(self, other: Compaction) -> None:
        """Add the work on another part of the run."""
        self.compressed += other.compressed
        self.before += other.before
        self.open += other.open
        self.bytes += other.bytes
        self.saved += other.saved


@contextmanager
def hold_run(paths: list[Path]) -> Iterator[None]:
    """Keep everybody from running in these folders. Raises `WorkflowError` if somebody is, also in a run around one."""
    outer = [folder for path in paths for folder in _runs_around(path.resolve())]
    with ExitStack() as stack:
        for folder in dict.fromkeys([*outer, *(path.resolve() for path in paths)]):
            lock = FileLock(RunFolder(folder).writer)
            try:
                lock.acquire()
            except LockHeldError as error:
                raise WorkflowError(
                    f"{folder}: is running ({error.owner or 'in another process'}), so that its logs still grow; "
                    f"compact it when it has ended, or stop it: ste runs stop {folder}"
                ) from None
            except OSError as error:
                raise WorkflowError(f"{folder}: cannot be written ({error.strerror})") from error
            stack.callback(lock.release)
        yield


def compact_logs(folder: RunFolder, lock: Mapping[str, Json]) -> Compaction:
    """Compress the logs of the finished units of a run that is held.

    Raises `WorkflowError` where a log is damaged, and `RunError` or `OSError` where it cannot be written; what was not
    compressed then is as it was.
    """
    done = Compaction()
    remove_leftovers(folder.units)
    for log in open_logs(folder, lock).values():
        if not log.done:
            done.open += 1
        elif log.path.exists():
            size = log.path.stat().st_size
            done.saved += compress(log.path)
            done.compressed, done.bytes = done.compressed + 1, done.bytes + size
        else:
            done.before += compressed_path(log.path).exists()
    return done


def _runs_around(path: Path) -> list[Path]:
    """The runs that a run is a part of."""
    outer = (parent.parent for parent in path.parents if parent.name == SUB_RUNS)
    return [run for run in outer if RunFolder(run).lock.exists()]
