"""Names of a module: its imports, and identifiers that no two things share."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Final

from ste_graph.coded.writing.layout import string_literal

PACKAGE: Final = "ste_graph.coded"
"""The package that a module builds on."""


@dataclass(slots=True)
class Imports:
    """The imports of a module, collected while its text is written."""

    _names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _taken: dict[str, tuple[str, str]] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)
    """Per imported plugin: the name of the variable that holds its module."""

    def add(self, module: str, name: str) -> str:
        """Import a name from a module; returns the name by which the module's text knows it."""
        alias, count = name, 1
        while self._taken.setdefault(alias, (module, name)) != (module, name):
            count += 1
            alias = f"{name}{count}"
        self._names[module].add(name if alias == name else f"{name} as {alias}")
        return alias

    def class_of(self, value: object) -> str:
        """Import the class of a value, or a class itself; returns its name. One of a plugin is a plugin's attribute."""
        cls = value if isinstance(value, type) else type(value)
        if cls.__module__ in self.plugins:
            return f"{self.plugins[cls.__module__]}.{cls.__qualname__}"
        outer, dot, inner = cls.__qualname__.partition(".")
        return self.add(cls.__module__, outer) + dot + inner

    def lines(self) -> list[str]:
        """The import statements, sorted as ruff sorts them: the standard library, then packages."""
        groups: list[list[str]] = [[], []]
        for module in sorted(self._names):
            groups[module.split(".")[0] not in sys.stdlib_module_names].append(
                _import_line(module, sorted(self._names[module], key=_import_order))
            )
        return [line for group in groups if group for line in [*group, ""]]


def _import_order(name: str) -> tuple[int, str]:
    plain = name.split(" ")[0]
    return (0 if plain.isupper() else 1 if plain[:1].isupper() else 2), name


def _import_line(module: str, names: Iterable[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 120:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


@dataclass(slots=True)
class Identifiers:
    """Identifiers for names that are not identifiers, such as `record trial 2` or `call~2`."""

    _known: dict[str, str] = field(default_factory=dict)

    def find(self, prefix: str, name: str) -> str:
        """The identifier of a name: the same one each time, and no other name's."""
        key = f"{prefix} {name}"
        if key not in self._known:
            base = prefix + re.sub(r"\W+", "_", name.removeprefix(prefix.replace("_", " ")))
            base = f"{base}_" if iskeyword(base) else base
            taken, count, found = set(self._known.values()), 1, base
            while found in taken:
                count += 1
                found = f"{base}_{count}"
            self._known[key] = found
        return self._known[key]


def channel(name: str) -> str:
    """The code that reads a channel of the state."""
    return f"state[{string_literal(name)}]"
