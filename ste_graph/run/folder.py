"""The run's folder: who may write it, what it is a run of, and where its files lie."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import yaml

from ste_graph.contracts import Json
from ste_graph.errors import RunError, WorkflowError
from ste_graph.run.hashing import id_of

LOCK = "workflow.lock.yaml"


class RunFolder:
    """A run's folder. `acquire` makes this process its only writer; the kernel ends that with the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: IO[str] | None = None

    @property
    def lock(self) -> Path:
        return self.path / LOCK

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    def memory(self, name: str) -> Path:
        return self.path / "memory" / name

    def unit(self, name: str) -> Path:
        """The step log of a unit: its name where that is a safe file name, else made safe and told apart by a hash."""
        safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
        unchanged = safe == name and not name.startswith(".") and safe == safe.lower()
        return self.path / "units" / (f"{safe}.jsonl" if unchanged else f"{safe.lstrip('.')}-{id_of(name)[:8]}.jsonl")

    def acquire(self) -> None:
        """Become the folder's writer, creating it if need be. Raises `WorkflowError` if another process is."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.lock.exists() and any(entry.name != ".writer" for entry in self.path.iterdir()):
                raise WorkflowError(
                    f"{self.path}: the folder is not empty and holds no run; give an empty or a new folder with --out"
                )
            (self.path / "units").mkdir(exist_ok=True)
            held = (self.path / ".writer").open("a+", encoding="utf-8")
        except OSError as error:
            raise WorkflowError(f"{self.path}: cannot be used as a run's folder ({error.strerror})") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.seek(0)
            owner = held.read().strip()
            held.close()
            raise WorkflowError(
                f"{self.path}: another process{f' ({owner})' if owner else ''} is running in this folder; "
                "wait for it, stop it, or give another folder with --out"
            ) from None
        held.truncate(0)
        held.write(f"pid {os.getpid()}")
        held.flush()
        self._held = held

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def read_lock(self) -> dict[str, Json] | None:
        """What the folder is a run of; None in a new folder."""
        if not self.lock.exists():
            return None
        try:
            value = yaml.safe_load(self.lock.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            value = None
        if not isinstance(value, dict):
            raise WorkflowError(f"{self.lock}: is damaged; start a new run with --out")
        return value

    def write_lock(self, content: Mapping[str, Json]) -> None:
        """Write the lock file, whole or not at all."""
        text = yaml.dump(dict(content), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
        aside = self.lock.with_suffix(".new")
        try:
            with aside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.lock)
        except OSError as error:
            raise RunError(f"{self.lock}: cannot be written ({error.strerror})") from error


class _Plain(yaml.SafeDumper):
    """Texts of several lines as blocks, and no aliases: a person reads this file."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Plain.add_representer(str, _text)
