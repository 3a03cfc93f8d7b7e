"""Entries of `models`, `tools`, `memory` and `nodes`: from YAML to their classes, with settings resolved."""

from __future__ import annotations

import os
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from ste_graph.contracts import Json
from ste_graph.language.diagnostics import Span, closest
from ste_graph.language.entries import (
    WIRING,
    Marker,
    Section,
    UnknownUse,
    find,
    import_file,
    marker,
    settings_shape,
)
from ste_graph.language.findings import Findings
from ste_graph.language.shape import report, report_unknown_key
from ste_graph.language.tree import Mapping, Sequence, Tree
from ste_graph.node import Node, Output
from ste_graph.settings import AddressMarker, ModuleMarker, PathMarker, PathOrURLMarker, SecretMarker

HIDDEN = "(not kept)"
"""What the lock file says where the workflow file held a secret or an address as plain text."""


class Unloaded(Node):
    """Stands for a plugin's node that was not loaded (`--no-plugins`): what it reads and gives is not checked."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One entry with a `use`: its class, its validated settings, and the engine's keys (`wiring`)."""

    name: str
    cls: Any
    settings: BaseModel
    wiring: Any
    tree: Mapping
    span: Span


@dataclass(slots=True)
class Entries:
    """All entries of a workflow; `off` holds the place of each node or memory that is off."""

    models: dict[str, Resolved] = field(default_factory=dict)
    tools: list[Resolved] = field(default_factory=list)
    memory: dict[str, Resolved] = field(default_factory=dict)
    nodes: dict[str, Resolved] = field(default_factory=dict)
    off: dict[str, Span] = field(default_factory=dict)
    modules: dict[str, ModuleType] = field(default_factory=dict)
    code: dict[str, Path] = field(default_factory=dict)
    """Files whose code the workflow runs, by the name that the workflow gives them."""


def resolve(tree: Mapping, sections: set[str], plugins: bool, findings: Findings) -> Entries:
    """Resolve the well-shaped `sections`; an entry that is wrong is reported and left out."""
    entries = Entries()
    modules = entries.modules = _plugins(tree, entries, plugins, findings) if "plugins" in sections else {}
    for section in ("models", "memory", "nodes"):
        value = tree.entries[section].value if section in sections else None
        if not isinstance(value, Mapping):
            continue
        known: dict[str, Resolved] = getattr(entries, section)
        for name, entry in value.entries.items():
            if isinstance(entry.value, Mapping):
                made = _entry(section, name, entry.value, entry.key_span, modules, plugins, findings)  # type: ignore[arg-type]
                if made is not None:
                    known[name] = made
            else:
                entries.off[name] = entry.key_span
    tools = tree.entries["tools"].value if "tools" in sections else None
    if isinstance(tools, Sequence):
        for index, item in enumerate(tools.items):
            if isinstance(item, Mapping):
                made = _entry("tools", str(index), item, item.span, modules, plugins, findings)
                if made is not None:
                    entries.tools.append(made)
                    _remember_code(made, entries)
    return entries


def _remember_code(tools: Resolved, entries: Entries) -> None:
    for name, info in type(tools.settings).model_fields.items():
        value = getattr(tools.settings, name)
        if isinstance(marker(info), ModuleMarker) and isinstance(value, str) and ".py" in value:
            shown = tools.tree.entries[name].value
            entries.code[str(shown.plain())] = Path(value.rpartition(".py")[0] + ".py")


def _plugins(tree: Mapping, entries: Entries, load: bool, findings: Findings) -> dict[str, ModuleType]:
    modules: dict[str, ModuleType] = {}
    listed = tree.entries["plugins"].value
    for item in listed.items if isinstance(listed, Sequence) else ():
        path = relative(str(item.plain()), item.span)
        entries.code[str(item.plain())] = path
        if not path.is_file():
            near = closest(path.name, [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else [])
            findings.error("E501", f"there is no plugin file `{item.plain()}`", item.span, suggestion=near)
        elif load:
            try:
                modules[path.stem] = import_file(path)
            except (Exception, SystemExit) as error:
                where = _line_in(error, path)
                findings.error(
                    "E502", f"plugin `{item.plain()}` fails to import: {type(error).__name__}: {error}{where}", item.span
                )
    return modules


def _line_in(error: BaseException, path: Path) -> str:
    place, line = error.__traceback__, None
    while place is not None:
        if place.tb_frame.f_code.co_filename == str(path):
            line = place.tb_lineno
        place = place.tb_next
    if isinstance(error, SyntaxError):
        line = error.lineno
    return f" (line {line})" if line else ""


def _entry(
    section: Section,
    name: str,
    tree: Mapping,
    span: Span,
    modules: ReadOnly[str, ModuleType],
    plugins: bool,
    findings: Findings,
) -> Resolved | None:
    use = str(tree.entries["use"].value.plain())
    use_span = tree.span_of(["use"])
    try:
        cls = find(section, use, modules)
    except UnknownUse as unknown:
        if not plugins and section == "nodes" and "." in use:
            findings.warning("W502", f"`{use}` was not loaded: what it reads and gives is not checked", use_span)
            wiring = _wired(section, tree, findings)
            return Resolved(name, Unloaded, Unloaded(), wiring, tree, span) if wiring else None
        findings.error(
            "E210",
            f"unknown `use: {use}` in `{section}`",
            use_span,
            expected=f"one of: {', '.join(unknown.choices)}",
            suggestion=closest(use, unknown.choices),
        )
        return None
    except Exception as error:
        findings.error("E502", f"`use: {use}` fails to import: {type(error).__name__}: {error}", use_span)
        return None
    wiring = _wired(section, tree, findings)
    settings = _settings(section, cls, tree, findings)
    if settings is None or (WIRING[section] is not None and wiring is None):
        return None
    return Resolved(name, cls, settings, wiring, tree, span)


def _wired(section: Section, tree: Mapping, findings: Findings) -> BaseModel | None:
    shape = WIRING[section]
    if shape is None:
        return None
    given = Mapping({k: e for k, e in tree.entries.items() if k in shape.model_fields}, tree.span)
    return _validated(shape, given.plain(), given, list(shape.model_fields), section, findings)


def _settings(section: Section, cls: type[BaseModel], tree: Mapping, findings: Findings) -> BaseModel | None:
    """The settings of the class, with paths, secrets and addresses resolved."""
    wiring = WIRING[section]
    engine_keys = set(wiring.model_fields) if wiring else {"use"}
    shape = settings_shape(cls)
    own = Mapping({k: e for k, e in tree.entries.items() if k not in engine_keys}, tree.span)
    legal = sorted({*shape.model_fields, *engine_keys})
    values: dict[str, Json] = {}
    before = len(findings.diagnostics)
    for key, entry in own.entries.items():
        info = cls.model_fields.get(key)
        if key not in shape.model_fields:
            report_unknown_key(key, entry.key_span, legal, f"`{tree.entries['use'].value.plain()}`", findings)
            continue
        values[key] = _value(entry.value, marker(info) if info else None, findings)
    if len(findings.diagnostics) > before:
        return None
    return _validated(shape, values, own, legal, section, findings)


def _validated(
    shape: type[BaseModel], values: Json, tree: Mapping, legal: list[str], section: str, findings: Findings
) -> BaseModel | None:
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            report(detail, tree, findings, within=section, keys=legal)
        return None


def _value(tree: Tree, mark: Marker | None, findings: Findings) -> Json:
    """A settings value as the class wants it: `{env: NAME}` looked up, paths made absolute."""
    if isinstance(tree, Mapping):
        if "env" in tree.entries and set(tree.entries) <= {"env", "default"}:
            return _from_environment(tree, mark, findings)
        return {key: _value(entry.value, mark, findings) for key, entry in tree.entries.items()}
    if isinstance(tree, Sequence):
        return [_value(item, mark, findings) for item in tree.items]
    value = tree.plain()
    if isinstance(mark, PathOrURLMarker) and str(value).lower().startswith(("http://", "https://")):
        return value
    if isinstance(value, str) and (
        isinstance(mark, PathMarker) or (isinstance(mark, ModuleMarker) and (value.split(":")[0].endswith(".py")))
    ):
        return str(relative(value, tree.span))
    return value


def _from_environment(tree: Mapping, mark: Marker | None, findings: Findings) -> Json:
    name = str(tree.entries["env"].value.plain())
    default = tree.entries.get("default")
    if not isinstance(mark, SecretMarker | AddressMarker):
        findings.error("E503", "an environment variable may not stand here", tree.span, expected="a plain value")
        return None
    if default is not None and isinstance(mark, SecretMarker):
        findings.error("E503", "a secret has no default", default.key_span, expected="`{env: NAME}`")
    if name in os.environ:
        return os.environ[name]
    if default is not None:
        return default.value.plain()
    findings.error(
        "E504", f"the environment variable `{name}` is not set", tree.span_of(["env"]), expected=f"`export {name}=…` first"
    )
    return None


def relative(value: str, span: Span) -> Path:
    """A path in YAML, resolved against the file it stands in; in `--set` against the current folder."""
    base = Path() if span.file.startswith("--") else Path(span.file).parent
    return (base / Path(value).expanduser()).absolute()


def for_lock(tree: Tree, entries: Entries) -> Json:
    """The workflow as plain data with no secret in it: `{env: …}` unresolved, plain secrets left out."""
    plain = tree.plain()
    for section in ("models", "memory", "nodes"):
        for name, entry in getattr(entries, section).items():
            _hide(entry, plain[section][name])
    for index, entry in enumerate(entries.tools):
        _hide(entry, plain["tools"][index])
    return plain


def _hide(entry: Resolved, plain: dict[str, Json]) -> None:
    for name, info in getattr(entry.cls, "model_fields", {}).items():
        if isinstance(marker(info), SecretMarker) and name in plain:
            plain[name] = _hidden(plain[name])


def _hidden(value: Json) -> Json:
    if isinstance(value, dict):
        return value if "env" in value else {key: _hidden(inner) for key, inner in value.items()}
    return HIDDEN


def when_on(section: Section, name: str, before: Mapping, entries: Entries) -> Resolved | None:
    """An entry as it was in the tree `before` it was turned off; None if it was off there too, or is wrong."""
    tree = before.at([section, name])
    if not isinstance(tree, Mapping) or "use" not in tree.entries:
        return None
    return _entry(section, name, tree, tree.span, entries.modules, True, Findings())


def output_fields(cls: type[Node], settings: BaseModel) -> type[Output]:
    """What a node gives under its settings. May raise `ValueError` for settings that make no output."""
    return cls.outputs(settings.model_dump())


