"""The lock: the resolved workflow as plain data, by which a resumed run knows that the workflow is the same."""

from __future__ import annotations

import hashlib
import io
import tokenize
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, get_args

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.files.regular import is_regular
from ste_graph.language.sections.entries import find_marker, iter_marked, source_class
from ste_graph.language.sections.plugins import plugin_files
from ste_graph.language.sections.resolution import ResolvedEntries
from ste_graph.language.sections.schema import Section
from ste_graph.language.sections.setting_values import HIDDEN, hide, module_file, read_variable
from ste_graph.language.source.tree import MappingNode
from ste_graph.prompts.prompt import Prompt
from ste_graph.settings import AddressMarker, ModuleMarker, SecretMarker, SourcesMarker, VariableMarker

UNLOCKED: Final = ("variants", "budget", "about")
"""Sections that may differ when a run is resumed: they do not change the result of a step."""
OPEN: Final = ("budget", "prices")
"""The same of a model's settings."""


def build_lock(
    tree: MappingNode,
    variant: str | None,
    entries: ResolvedEntries,
    prompts: Mapping[str, Prompt],
    asked: Collection[str],
    runs: Mapping[str, Mapping[str, Json]],
) -> dict[str, Json]:
    """The lock of a run, with the models that are `asked` and the locks of its sub-workflows (`runs`).

    It has neither secrets nor addresses.
    """
    plain = {name: value for name, value in tree.to_plain().items() if name not in UNLOCKED}
    plain["graph"] = _without_open(plain["graph"])
    for section in get_args(Section):
        for name, entry in entries.section(section).items():
            _hide(entry.cls, plain[section][int(name) if section == "tools" else name])
    if "models" in plain:
        # Where a model runs is open, and one that no node asks has no part in a result.
        models = {name: value for name, value in plain["models"].items() if name in asked}
        plain["models"] = {
            name: {
                key: own for key, own in _without_address(entries.models[name].cls, value).items() if key not in OPEN
            }
            for name, value in models.items()
        }
    return {
        "workflow": plain,
        "variant": variant,
        "prompts": {name: prompt.text for name, prompt in sorted(prompts.items())},
        "code": {name: _digest(path) for name, path in sorted(_code_files(tree, entries).items())},
        **({"runs": dict(runs)} if runs else {}),
    }


def _without_open(blocks: Json) -> Json:
    """Blocks without what may be changed in `run:` when the run is resumed: `partial`, and budgets under `with`."""
    match blocks:
        case list():
            return [_without_open(block) for block in blocks]
        case dict() if "run" in blocks:
            given = {path: value for path, value in (blocks.get("with") or {}).items() if not _is_open(path)}
            rest = {key: value for key, value in blocks.items() if key not in ("partial", "with")}
            return {**rest, **({"with": given} if given else {})}
        case dict():
            return {key: _without_open(value) if key in ("do", "else") else value for key, value in blocks.items()}
    return blocks


def _is_open(path: str) -> bool:
    """True if a path under `with` leads to a budget or to prices."""
    section, *rest = path.split(".")
    return section == "budget" or (section == "models" and len(rest) > 1 and rest[1] in OPEN)


def _hide(cls: type[BaseModel], plain: dict[str, Json]) -> None:
    for name, info in cls.model_fields.items():
        match find_marker(info):
            case SecretMarker() | AddressMarker() if name in plain:
                plain[name] = hide(plain[name])
            case VariableMarker() if name in plain:
                plain[name] = read_variable(plain[name])
            case SourcesMarker():
                for inner in plain.get(name) or ():
                    if (source := source_class(inner.get("use"))) is not None:
                        _hide(source, inner)


def _without_address(cls: type[BaseModel], plain: dict[str, Json]) -> dict[str, Json]:
    addresses = {name for name, info in cls.model_fields.items() if isinstance(find_marker(info), AddressMarker)}
    return {name: HIDDEN if name in addresses else value for name, value in plain.items()}


def _code_files(tree: MappingNode, entries: ResolvedEntries) -> dict[str, Path]:
    """The files whose code the workflow runs, by the name that the workflow gives them."""
    found = {name: path for name, (path, _) in plugin_files(tree.at(["plugins"])).items()}
    for entry in entries.tools.values():
        for value, mark in iter_marked(entry.cls, entry.tree):
            if isinstance(mark, ModuleMarker) and (file := module_file(value)) is not None:
                found[str(value.to_plain())] = file
    return found


def _digest(path: Path) -> str | None:
    return hashlib.sha256(_without_comments(path.read_bytes())).hexdigest() if is_regular(path) else None


@lru_cache(maxsize=64)  # the variants of a workflow run the same files
def _without_comments(code: bytes) -> bytes:
    """The code without its comments and empty lines, which change no result; unchanged if it is not Python."""
    lines = code.splitlines()
    comments: dict[int, int] = {}
    rows: set[int] = set()
    encoding = "utf-8"
    try:
        for token in tokenize.tokenize(io.BytesIO(code).readline):
            (row, column), (last, _) = token.start, token.end
            if token.type == tokenize.ENCODING:
                encoding = token.string
            elif token.type == tokenize.COMMENT:
                comments[row] = len(token.line[:column].encode(encoding))
            elif token.string.strip():
                rows.update(range(row, last + 1))
    except (SyntaxError, ValueError, tokenize.TokenError):
        return code
    return b"\n".join(
        line[: comments[row]].rstrip() if row in comments else line for row, line in enumerate(lines, 1) if row in rows
    )
