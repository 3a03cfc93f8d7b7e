"""Entries of a workflow as calls of their classes: only what differs from a default, without secrets or addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from keyword import iskeyword
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ste_graph.coded.writing.layout import Group, Text, Words, call_code, mapping, sequence, string_literal, tuple_of
from ste_graph.coded.writing.names import Imports
from ste_graph.errors import WorkflowError
from ste_graph.language.sections.entries import Marker, find_marker, inner_markers, use_class
from ste_graph.language.sections.setting_values import is_environment
from ste_graph.language.source.files import bundled_workflows
from ste_graph.language.source.tree import MappingNode, SequenceNode, Tree
from ste_graph.settings import ModuleMarker, PathMarker, SecretMarker, SourcesMarker


@dataclass(slots=True)
class SettingsWriter:
    """Writes settings for a module that will be in `folder`."""

    imports: Imports
    folder: Path
    secrets: set[str] = field(default_factory=set)
    """The environment variables that hold secrets."""
    roots: set[str] = field(default_factory=set)
    """The folders that paths start from: `HERE`, `BUNDLED`."""

    def entry(self, settings: BaseModel, tree: Tree | None) -> Group:
        """The call that makes an entry."""
        arguments: list[tuple[str, Text]] = []
        unnameable: list[tuple[str, Text]] = []
        for name, info in type(settings).model_fields.items():
            key = info.alias or name
            value, own = getattr(settings, name), tree.at([key]) if tree is not None else None
            is_default = not info.is_required() and value == info.get_default(call_default_factory=True)
            if is_default and (own is None or not is_environment(own)):
                continue
            text = self.value(value, own, find_marker(info), inner_markers(info))
            (unnameable if iskeyword(key) else arguments).append((key, text))
        made = call_code(self.imports.class_of(settings), arguments)
        if not unnameable:
            return made
        return Group(made.opening, [*made.items, ("**", mapping(unnameable))], made.closing)

    def value(
        self, value: Any, tree: Tree | None, mark: Marker | None = None, inside: Mapping[str, Marker] | None = None
    ) -> Text:
        """The code of a value; `tree` is what the file says there, and `mark` the kind of the setting."""
        if isinstance(tree, MappingNode) and is_environment(tree):
            return self._environment(tree, mark)
        if isinstance(mark, SecretMarker) and isinstance(value, str) and value:
            where = f"{tree.span.file}:{tree.span.line}: " if tree is not None else ""
            raise WorkflowError(
                f"{where}a secret in plain text is not written to a module; say `{{env: NAME}}` instead"
            )
        match value:
            case BaseModel():
                return self.entry(value, tree)
            case Enum():
                return self.value(value.value, None)
            case Mapping():
                marks = self._marks(mark, tree) or inside or {}
                return mapping(
                    [
                        (str(key), self.value(own, self._child(tree, key), marks.get(key, mark)))
                        for key, own in value.items()
                    ]
                )
            case list() | tuple():
                items = [self.value(item, self._child(tree, index), mark) for index, item in enumerate(value)]
                return sequence(items) if isinstance(value, list) else tuple_of(items)
            case Path():
                return self.path(value)
            case str() if isinstance(mark, PathMarker | ModuleMarker) and os.path.isabs(value):
                return f"str({self.path(Path(value))})"
            case str():
                return Words(value)
        return repr(value)

    def path(self, path: Path) -> str:
        """The code of a path: from the bundled workflows if it is there, else from the module's own folder."""
        bundled = next(iter(bundled_workflows().values())).resolve().parent
        if path.resolve().is_relative_to(bundled) and not self.folder.resolve().is_relative_to(bundled):
            self.roots.add("BUNDLED")
            return f"BUNDLED / {string_literal(path.resolve().relative_to(bundled).as_posix())}"
        self.roots.add("HERE")
        return f"HERE / {string_literal(Path(os.path.relpath(path, self.folder)).as_posix())}"

    def _environment(self, tree: MappingNode, mark: Marker | None) -> Text:
        name, default = str(tree.entries["env"].value.to_plain()), tree.entries.get("default")
        if isinstance(mark, SecretMarker):
            self.secrets.add(name)
        words = [name] if default is None else [name, str(default.value.to_plain())]
        return f"{self.imports.add('ste_graph.coded', 'environment')}({', '.join(map(string_literal, words))})"

    def _marks(self, mark: Marker | None, tree: Tree | None) -> dict[str, Marker]:
        """The kinds of the settings of a source inside an entry."""
        cls = use_class(tree) if isinstance(mark, SourcesMarker) and tree is not None else None
        found = {name: find_marker(info) for name, info in cls.model_fields.items()} if cls else {}
        return {name: own for name, own in found.items() if own is not None}

    def _child(self, tree: Tree | None, step: Any) -> Tree | None:
        return tree.at([step]) if isinstance(tree, MappingNode | SequenceNode) else None
