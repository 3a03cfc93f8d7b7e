"""The settings of arms in tables: all of the first arm, and what the others change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json, is_simulated
from ste_graph.lab.methods.facts import ArmFacts, Subject
from ste_graph.lab.methods.markup import Code, Table, Words
from ste_graph.lab.methods.prose import value_text
from ste_graph.run.summary import UNRESOLVED

SECTIONS: Final = (
    "seed", "params", "models", "tools", "allow", "limits", "reset", "data", "memory", "nodes", "graph", "cassette"
)  # fmt: skip

KINDS: Final = ("map", "repeat", "when", "record", "run")
"""The kinds of blocks of the graph that are not nodes, each the key with its name or condition."""


def write_tables(subject: Subject) -> list[Table]:
    """One table of the first arm's settings, and one of the other arms, if there are any."""
    first, *others = subject.arms
    settings = dict(list_settings(first))
    rows: list[Sequence[Words]] = [[[Code(path)], _value(path, settings)] for path in settings]
    tables = [Table(f"Settings of {subject.name}, arm {first.name}", ("Setting", "Value"), rows)]
    if others:
        changes = [
            [[Code(arm.name)], *cells] for arm in others for cells in _changes(settings, dict(list_settings(arm)))
        ]
        caption = f"What the other arms of {subject.name} change"
        tables.append(Table(caption, ("Arm", "Setting", first.name, "This arm"), changes))
    return tables


def list_settings(arm: ArmFacts) -> Iterator[tuple[str, Json]]:
    """The settings of an arm by path, those of a sub-workflow with its name in front."""
    for part in arm.parts():
        prefix = f"{part.name}: " if part.name else ""
        for name, label in part.labels.items():
            yield f"{prefix}models.{name}", f"{label}{' (simulated)' if is_simulated(label) else ''}"
        for section in SECTIONS:
            if section == "graph":
                yield from (
                    (f"{prefix}{path}", value) for path, value in _flatten_blocks(section, part.workflow[section])
                )
            elif section == "seed" and not part.name and len(arm.seeds) > 1:
                yield "seed", ", ".join(map(str, sorted(arm.seeds)))
            elif section in part.workflow:
                yield from _flatten(f"{prefix}{section}", part.workflow[section])
        for name, text in part.prompts.items():
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            yield f"{prefix}prompt {name}", f"{len(text)} characters, SHA-256 {digest}…"


def _flatten(path: str, value: Json) -> Iterator[tuple[str, Json]]:
    """Single values by path."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flatten(f"{path}.{key}", inner)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flatten(f"{path}.{number}", item)
    else:
        yield path, value


def _flatten_blocks(path: str, blocks: Json) -> Iterator[tuple[str, Json]]:
    """The order of blocks, then what each holds, by the paths that `--set` takes where it is a loop."""
    yield path, ", ".join(map(_title, blocks or ()))
    for block in blocks or ():
        if not isinstance(block, Mapping):
            continue
        title = _title(block)
        for key, value in block.items():
            if key in ("do", "else"):
                yield from _flatten_blocks(f"graph.{title}.{key}", value)
            elif key not in KINDS:
                yield from _flatten(f"graph.{title}.{key}", value)


def _title(block: Json) -> str:
    """A loop's name; another block's kind and what it is of."""
    if not isinstance(block, Mapping):
        return str(block)
    kind = next((kind for kind in KINDS if kind in block), "")
    name = str(block.get("name", block.get(kind)))
    return name if kind in ("map", "repeat") else f"{kind} {name}"


def _changes(settings: Mapping[str, Json], own: Mapping[str, Json]) -> list[list[Words]]:
    """The cells after the arm's name: path, value of the first arm, value of this one."""
    paths = [path for path in {**settings, **own} if settings.get(path) != own.get(path)]
    whole = {path for path in paths if any(other.startswith(f"{path}.") for other in paths)}
    changed = [path for path in paths if not any(_belongs(path, other) for other in whole)]
    if not changed:
        return [[["nothing"], [""], [""]]]
    return [[[Code(path)], _value(path, settings), _value(path, own)] for path in changed]


def _belongs(path: str, whole: str) -> bool:
    """True if a setting is of an entry that is there as a whole in one arm, and off in the other."""
    node = whole.replace("nodes.", "prompt ", 1)
    return path.startswith((f"{whole}.", f"{node}."))


def _value(path: str, settings: Mapping[str, Json]) -> Words:
    if isinstance(value := settings.get(path), str) and UNRESOLVED.fullmatch(value):
        return ["given by the run: ", Code(value.strip("<>"))]
    if settings.get(path) is not None:
        return [Code(value_text(settings[path]))]
    return ["on, as above" if any(other.startswith(f"{path}.") for other in settings) else "none"]
