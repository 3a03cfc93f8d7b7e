"""The run's folder: its files, who may write it, and the workflow that it is a run of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import TEMPORARY, write_atomically
from ste_graph.files.lock import FileLock, LockHeldError
from ste_graph.files.regular import read_regular_text
from ste_graph.ids import derive_id

FORMAT = 4
"""The version of everything in a run's folder. Raise it with any change that an older or newer version cannot read."""
LOCK_FILE = "workflow.lock.yaml"
EVENTS_FILE = "events.jsonl"
SUB_RUNS = "runs"
"""The folder in a run's folder where its sub-workflows run."""
_WRITER = ".writer"
_UNITS = "units"
_BEFORE_LOCK = frozenset({_WRITER, _UNITS, LOCK_FILE + TEMPORARY})
"""The files of a run that was killed before it wrote its lock file: nothing that could be lost."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same in C, where it is there: the lock of a thousand tools is long."""
_SECTIONS = ("units", "skipped", "models", "resolved")
"""Mappings that every lock file has."""


class RunFolder:
    """A run's folder. `acquire` makes this process its only writer; the kernel ends that with the process.

    `shown` is the path as messages have it, where that is not `path`.
    """

    def __init__(self, path: Path, *, shown: Path | None = None) -> None:
        self.path = path
        self.shown = shown or path
        self.writer = path / _WRITER
        self._writer = FileLock(self.writer)

    @property
    def lock(self) -> Path:
        return self.path / LOCK_FILE

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def events(self) -> Path:
        return self.path / EVENTS_FILE

    @property
    def last_change(self) -> float:
        """The time of the last change of its lock, events or journal, in seconds since the epoch."""
        files = (file for file in (self.lock, self.events, self.journal) if file.exists())
        return max((file.stat().st_mtime for file in files), default=0.0)

    @property
    def units(self) -> Path:
        """The folder of the step logs."""
        return self.path / _UNITS

    def memory(self, name: str) -> Path:
        return self.path / "memory" / name

    def step_log(self, name: str) -> Path:
        """The step log of a unit: named like the unit where that is a safe file name, else made safe, with a hash."""
        safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
        unchanged = safe == name and not name.startswith(".") and safe == safe.lower()
        return (
            self.path / _UNITS / (f"{safe}.jsonl" if unchanged else f"{safe.lstrip('.')}-{derive_id(name)[:8]}.jsonl")
        )

    def acquire(self) -> None:
        """Become the folder's writer, creating it if need be. Raises `WorkflowError` if another process is."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.lock.exists() and any(not _is_before_lock(entry) for entry in self.path.iterdir()):
                raise WorkflowError(
                    f"{self.shown}: the folder is not empty and holds no run; give an empty or a new folder with --out"
                )
            (self.path / _UNITS).mkdir(exist_ok=True)
            self._writer.acquire()
        except LockHeldError as error:
            raise WorkflowError(
                f"{self.shown}: another process{f' ({error.owner})' if error.owner else ''} is running in this folder; "
                "wait for it, stop it, or give another folder with --out"
            ) from None
        except OSError as error:
            raise WorkflowError(
                f"{self.shown}: cannot be used as a run's folder ({error.strerror}); give another one with --out"
            ) from error

    def release(self) -> None:
        """Let others write."""
        self._writer.release()

    def remove_if_unused(self) -> None:
        """Leave no folder behind where no run began."""
        if self.lock.exists():
            return
        for name in sorted(_BEFORE_LOCK - {_UNITS}):
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.path / _UNITS, self.path):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def read_lock(self) -> dict[str, Json] | None:
        """Read the lock file; None in a new folder.

        Raises `WorkflowError` if it is damaged, or of another version of the format.
        """
        try:
            value = yaml.load(read_regular_text(self.lock), _LOADER)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise WorkflowError(f"{self.shown}: is a file, not the folder of a run") from None
        except OSError as error:
            raise WorkflowError(f"{self.shown}: cannot be read ({(error.strerror or str(error)).lower()})") from None
        except (yaml.YAMLError, ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and "resolved" in value and (version := value.get("format", 1)) != FORMAT:
            age = "an older" if not isinstance(version, int) or version < FORMAT else "a newer"
            raise WorkflowError(
                f"{self.shown}: this run was made by {age} version of ste-graph (format {version}, expected {FORMAT}); "
                "start a new run with --out"
            )
        if not isinstance(value, dict) or not all(isinstance(value.get(name), dict) for name in _SECTIONS):
            raise WorkflowError(f"{self.lock}: is damaged; restore it, or start a new run with --out")
        return value

    def write_lock(self, content: Mapping[str, Json]) -> None:
        """Write the lock file, whole or not at all."""
        write_atomically(
            self.lock, yaml.dump(dict(content), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
        )


def _is_before_lock(entry: Path) -> bool:
    return entry.name in _BEFORE_LOCK or entry.match("vllm-*.log")  # says why a model server could not start


class _Plain(yaml.SafeDumper):
    """Texts of several lines as blocks, and no aliases: a person reads this file."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _ODD.search(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_ODD = re.compile(r"[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML takes for line ends or does not take at all: only quoted text keeps them."""

_Plain.add_representer(str, _text)
