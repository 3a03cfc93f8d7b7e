"""The check of a pack: whole, of this format, of a bearable size, and without what must not go out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ste_graph.files.regular import read_regular
from ste_graph.packs.content import KEEPS, REFUSED
from ste_graph.packs.leaks import LeakFinder
from ste_graph.packs.manifest import MANIFEST, Manifest, advise, find_changes, read_manifest
from ste_graph.packs.pack import SKILL
from ste_graph.packs.skill import MOST_LINES
from ste_graph.packs.values import texts_of

MOST_BYTES: Final = 100 * 1024**2
"""The size of a whole pack at most."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PackCheck:
    """The result of a check: the problems, in words, and the manifest."""

    manifest: Manifest
    problems: tuple[str, ...]
    next_step: str | None
    """The step to take about the problems; None if there are no problems."""


def check_pack(path: Path, finder: LeakFinder | None = None) -> PackCheck:
    """Checks a pack: digests, version, leaks, sizes. Raises `WorkflowError` only if there is no pack."""
    manifest = read_manifest(path)
    changes, problems = find_changes(path, manifest), list[str]()
    there: dict[str, bytes] = {}
    for name in [MANIFEST, *manifest.files]:
        with suppress(OSError):  # one that is missing is named already
            there[name] = read_regular(path / name)
    problems += find_file_leaks(there, finder or LeakFinder(), manifest.keeps)
    if (lines := there.get(SKILL, b"").count(b"\n")) > MOST_LINES:
        problems.append(f"{SKILL} has {lines:,} lines; loaders of skills ask for at most {MOST_LINES}")
    if (size := sum(file.bytes for file in manifest.files.values())) > MOST_BYTES:
        problems.append(f"it has {size / 1024**2:,.0f} MiB; expected at most {MOST_BYTES // 1024**2}")
    remade = f"make it again without what must not go out: ste pack make RUN --force --out {path}"
    next_step = advise(path, changes) if changes else remade if problems else None
    return PackCheck(manifest, (*changes, *problems), next_step)


def find_file_leaks(files: Mapping[str, bytes], finder: LeakFinder, keeps: Sequence[str]) -> list[str]:
    """The contents of files that must not go out, in words, by file; `keeps` names the kinds that may."""
    allowed = {KEEPS[keep] for keep in keeps if keep in KEEPS}
    problems = []
    for name, data in files.items():
        found = [leak for text in _texts(name, data) for leak in finder.find(text) if leak.kind not in allowed]
        leaks = list(dict.fromkeys(f"{REFUSED[leak.kind]} ({leak.shown})" for leak in found))
        problems += [f"{name} holds {leak}" for leak in leaks[:_SHOWN]]
        problems += [f"{name} holds {len(leaks) - _SHOWN} more of the kind"] if len(leaks) > _SHOWN else []
    return problems


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
