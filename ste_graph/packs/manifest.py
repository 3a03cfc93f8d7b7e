"""The manifest of a pack: the version of its format, what was adopted, and the digest of every file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ste_graph.contracts import Frozen
from ste_graph.errors import WorkflowError
from ste_graph.files.atomic import sync_folder, write_error
from ste_graph.files.regular import is_regular, read_regular
from ste_graph.finished import is_run
from ste_graph.json_values import digest
from ste_graph.scoring.subject import Form

FORMAT: Final = 1
"""The version of a pack's files. Raise it with any change that an older or newer version cannot read."""

MANIFEST: Final = "pack.json"
REMAKE: Final = "get it again from its author, or make it again from its run: ste pack make RUN --force --out"

_UNKNOWN: Final = " is not part of the pack"

IGNORED: Final = frozenset({".git", ".gitattributes", ".gitignore", ".DS_Store"})
"""Names that others may leave in the folder, and that are no part of a pack."""


class FileDigest(Frozen):
    """One file of a pack: the SHA-256 of its content in hexadecimal digits, and its size."""

    sha256: str
    bytes: int


class Manifest(Frozen):
    """The manifest. `digest` is a hash of all the rest."""

    format: int
    name: str
    made: str
    """When the pack was made, ISO 8601, UTC."""
    version: str
    """The version of ste-graph that made it."""
    adopted: bool
    """False if the evaluation did not adopt what is in the pack, so that nothing but a person may use it."""
    simulated: bool
    """True if a simulated model had a part in it: then it shows that the plumbing works, and nothing else."""
    arm: str
    """The arm of the test that showed what is in the pack."""
    model: str | None
    """The model that the gain was measured with."""
    forms: tuple[Form, ...]
    """The forms that it carries."""
    tools: tuple[str, ...]
    """The tools that it was adopted for."""
    keeps: tuple[str, ...] = ()
    """The kinds of leaks let in on purpose: `paths` or `addresses` in the values of tools."""
    pseudonyms: bool = False
    """True if pseudonyms stand for values of tools."""
    files: dict[str, FileDigest]
    digest: str = ""

    @property
    def own_digest(self) -> str:
        """The hash that `digest` has to be."""
        return digest(self.model_dump(mode="json", exclude={"digest"}), length=64)


def is_pack(path: Path) -> bool:
    """True if a folder has the manifest of a pack, whole or not."""
    return is_regular(path / MANIFEST)


def is_torn(path: Path) -> bool:
    """True if a folder has files of a pack, but no manifest."""
    return not is_pack(path) and is_regular(path / "evidence.json") and is_regular(path / "fingerprints.json")


def read_manifest(path: Path) -> Manifest:
    """The manifest of the pack in a folder.

    Raises `WorkflowError` if it is missing, damaged, or of another version of the format.
    """
    try:
        value = json.loads(read_regular(path / MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        if is_torn(path):
            raise WorkflowError(f"{path}: this pack is torn: its {MANIFEST} is missing; {REMAKE} {path}") from None
        way = (
            f"it is a run, of which `ste pack make {path} --out PACK` makes a pack"
            if is_run(path)
            else "expected the folder that `ste pack make` wrote"
        )
        raise WorkflowError(f"{path}: is not a pack (it has no {MANIFEST}); {way}") from None
    except OSError as error:
        raise WorkflowError(f"{path / MANIFEST}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(found := value.get("format"), int) and found != FORMAT:
        age, way = ("an older", "") if found < FORMAT else ("a newer", "install a newer version, or ")
        raise WorkflowError(
            f"{path}: this pack was made by {age} version of ste-graph (format {found}, expected {FORMAT}); {way}"
            f"{REMAKE} {path}"
        )
    try:
        manifest = Manifest.model_validate(value)
    except ValidationError:
        raise WorkflowError(f"{path / MANIFEST}: is damaged; {REMAKE} {path}") from None
    if manifest.digest != manifest.own_digest:
        raise WorkflowError(f"{path}: {MANIFEST} was changed since the pack was made; {REMAKE} {path}")
    return manifest


def find_changes(path: Path, manifest: Manifest) -> list[str]:
    """The differences between the files of a pack and its manifest, in words: changed, missing and unknown files."""
    problems = []
    for name, wanted in manifest.files.items():
        try:
            found = hashlib.sha256(read_regular(path / name)).hexdigest()
        except FileNotFoundError:
            problems.append(f"{name} is missing")
        except OSError as error:
            problems.append(f"{name} cannot be read ({(error.strerror or str(error)).lower()})")
        else:
            if found != wanted.sha256:
                problems.append(f"{name} was changed since the pack was made")
    unknown = [name for name in _list_files(path) if name not in manifest.files and name != MANIFEST]
    return problems + [f"{name}{_UNKNOWN}" for name in unknown]


def advise(path: Path, problems: Sequence[str]) -> str:
    """The advice about the differences that `find_changes` has found."""
    if all(problem.endswith(_UNKNOWN) for problem in problems):
        return f"move what is not part of it out of {path}"
    return f"{REMAKE} {path}"


def require_place(path: Path, *, force: bool = False) -> None:
    """Raises `WorkflowError` where no pack may be written: over a pack, unless `force`, or over anything else."""
    if is_pack(path):
        if not force:
            raise WorkflowError(f"{path}: is a pack already; give a new folder with --out, or --force to replace it")
    elif path.exists() and not is_torn(path) and not (path.is_dir() and not any(path.iterdir())):
        raise WorkflowError(f"{path}: exists and is not a pack; give a new folder with --out")


def write_pack(path: Path, manifest: Manifest, files: Mapping[str, bytes], *, force: bool = False) -> Manifest:
    """Write a pack, whole or not at all; returns its manifest, with the digests of `files`.

    What is left of a torn pack is replaced, and with `force` a whole one. Raises `WorkflowError` if anything else is
    there, `RunError` if it cannot be written.
    """
    require_place(path, force=force)
    digests = {
        name: FileDigest(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data)) for name, data in files.items()
    }
    whole = manifest.model_copy(update={"files": digests})
    whole = whole.model_copy(update={"digest": whole.own_digest})
    text = json.dumps(whole.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    new, old = (path.with_name(f"{path.name}.{end}-{os.getpid()}") for end in ("new", "old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for name, data in {**files, MANIFEST: text.encode()}.items():
            _write(new / name, data)
        sync_folder(new)
        if path.exists():
            path.rename(old)
        new.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise write_error(path, error, kept="a pack that was there is as it was", retry="make it again") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return whole


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


def _list_files(path: Path) -> list[str]:
    """The files below a folder, by their relative names, sorted."""
    found = [file.relative_to(path) for file in path.rglob("*") if not file.is_dir() or file.is_symlink()]
    return sorted(name.as_posix() for name in found if name.parts[0] not in IGNORED)
