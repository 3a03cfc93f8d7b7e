"""The check of a pack: whole, of this format, of a bearable size, and without what must not go out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ste_graph.errors import WorkflowError
from ste_graph.files.regular import read_regular
from ste_graph.packs.content import KEEPS, REFUSED
from ste_graph.packs.leaks import LeakFinder
from ste_graph.packs.manifest import MANIFEST, Manifest, find_changes, read_manifest
from ste_graph.packs.pack import SKILL
from ste_graph.packs.skill import MOST_LINES
from ste_graph.packs.values import texts_of

MOST_BYTES: Final = 100 * 1024**2
"""The size of a whole pack at most."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PackCheck:
    """What a check found: the problems, in words, and the manifest, if it can be read."""

    manifest: Manifest | None
    problems: tuple[str, ...]


def check_pack(path: Path, finder: LeakFinder | None = None) -> PackCheck:
    """Checks a pack: digests, version, leaks, sizes. Raises `WorkflowError` only if there is no pack."""
    manifest = read_manifest(path)
    problems = find_changes(path, manifest)
    finder = finder or LeakFinder()
    allowed = {KEEPS[keep] for keep in manifest.keeps if keep in KEEPS}
    for name in [MANIFEST, *manifest.files]:
        try:
            data = read_regular(path / name)
        except OSError:
            continue  # named by `find_changes`
        found = [leak for text in _texts(name, data) for leak in finder.find(text) if leak.kind not in allowed]
        leaks = list(dict.fromkeys(f"{REFUSED[leak.kind]} ({leak.shown})" for leak in found))
        problems += [f"{name} holds {leak}" for leak in leaks[:_SHOWN]]
        if len(leaks) > _SHOWN:
            problems.append(f"{name} holds {len(leaks) - _SHOWN} more of the kind")
        if name == SKILL and (lines := data.count(b"\n")) > MOST_LINES:
            problems.append(f"{name} has {lines:,} lines; loaders of skills ask for at most {MOST_LINES}")
    if (size := sum(file.bytes for file in manifest.files.values())) > MOST_BYTES:
        problems.append(f"it has {size / 1024**2:,.0f} MiB; expected at most {MOST_BYTES // 1024**2}")
    return PackCheck(manifest, tuple(problems))


def require_sound(path: Path, finder: LeakFinder | None = None) -> Manifest:
    """Requires that the check of a pack finds nothing. Raises `WorkflowError` with what it found."""
    checked = check_pack(path, finder)
    if checked.problems or checked.manifest is None:
        raise WorkflowError("\n  ".join([f"{path}: this pack must not go out:", *checked.problems]))
    return checked.manifest


def _texts(name: str, data: bytes) -> Iterator[str]:
    """The texts in a file: of JSON the values themselves, since their written form has backslashes of its own."""
    text = data.decode("utf-8", "replace")
    parts = text.splitlines() if name.endswith(".jsonl") else [text]
    for part in parts:
        if name.endswith((".json", ".jsonl")) and part.strip():
            try:
                yield from texts_of(json.loads(part))
                continue
            except (ValueError, RecursionError):
                pass
        yield part
