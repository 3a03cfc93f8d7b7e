"""The lock: the resolved workflow as plain data, by which a run that is taken up again knows that it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as ReadOnly
from pathlib import Path
from typing import Final, get_args

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.language.entries import marked, marker, source_class
from ste_graph.language.plugins import plugin_files
from ste_graph.language.resolution import Entries
from ste_graph.language.schema import Section
from ste_graph.language.tree import Mapping
from ste_graph.language.values import hidden, module_file
from ste_graph.prompt import Prompt
from ste_graph.settings import AddressMarker, ModuleMarker, SecretMarker, SourcesMarker

LEFT_OUT: Final = ("variants", "budget", "about")
"""Sections that may differ when a run is taken up again: they do not change what a step does."""


def lock_of(
    tree: Mapping,
    variant: str | None,
    entries: Entries,
    prompts: ReadOnly[str, Prompt],
    runs: ReadOnly[str, ReadOnly[str, Json]],
) -> dict[str, Json]:
    """What a run is locked to, the locks of its sub-workflows (`runs`) included: no secret and no address is in it."""
    plain = {name: value for name, value in tree.plain().items() if name not in LEFT_OUT}
    plain["graph"] = _less_partial(plain["graph"])
    for section in get_args(Section):
        for name, entry in entries.are(section).items():
            _hide(entry.cls, plain[section][int(name) if section == "tools" else name])
    return {
        "workflow": plain,
        "variant": variant,
        "prompts": {name: prompt.text for name, prompt in sorted(prompts.items())},
        "code": {name: _digest(path) for name, path in sorted(_code(tree, entries).items())},
        **({"runs": dict(runs)} if runs else {}),
    }


def _less_partial(blocks: Json) -> Json:
    """Blocks without the word whether to go on where units of a sub-workflow failed: that may be said later."""
    match blocks:
        case list():
            return [_less_partial(block) for block in blocks]
        case dict():
            kept = {key: value for key, value in blocks.items() if not (key == "partial" and "run" in blocks)}
            return {key: _less_partial(value) if key in ("do", "else") else value for key, value in kept.items()}
    return blocks


def _hide(cls: type[BaseModel], plain: dict[str, Json]) -> None:
    for name, info in cls.model_fields.items():
        match marker(info):
            case SecretMarker() | AddressMarker() if name in plain:
                plain[name] = hidden(plain[name])
            case SourcesMarker():
                for inner in plain.get(name) or ():
                    if (source := source_class(inner.get("use"))) is not None:
                        _hide(source, inner)


def _code(tree: Mapping, entries: Entries) -> dict[str, Path]:
    """Files whose code the workflow runs, by the name that the workflow gives them."""
    listed = tree.entries.get("plugins")
    found = {name: path for name, (path, _) in plugin_files(listed.value if listed else None).items()}
    for entry in entries.tools.values():
        for given, mark in marked(entry.cls, entry.tree):
            if isinstance(mark, ModuleMarker) and (file := module_file(given)) is not None:
                found[str(given.plain())] = file
    return found


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
