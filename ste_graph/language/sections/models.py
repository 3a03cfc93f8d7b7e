"""Models that are like another one: `{like: main, temperature: 0.0}` is a copy of `main` with what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ste_graph.language.sections.setting_values import is_environment
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry, MappingNode, Step, Tree
from ste_graph.suggest import closest

SECTION: Final = "models"


@dataclass(frozen=True, slots=True)
class CopiedModels:
    """A tree in which no model is like another one any more."""

    tree: MappingNode
    differing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Per copy: the settings that were stated next to a `like`, its own or that of a copy before it."""
    faulty: frozenset[str] = frozenset()
    """The models that could not be copied, as was reported."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Per copy and setting of the engine (`NAME.budget`, `NAME.or`): the model that states it."""


def copy_models(tree: MappingNode, findings: Findings) -> CopiedModels:
    """Replace each `like` by a copy of the entry that it names; one that cannot be copied is reported and stays."""
    section = tree.at([SECTION])
    if not isinstance(section, MappingNode):
        return CopiedModels(tree)
    copier = _Copier(section, findings)
    copies = {name: copier.copy(name) for name in section.entries}
    entries = {
        name: replace(entry, value=copied) if (copied := copies[name]) is not None else entry
        for name, entry in section.entries.items()
    }
    return CopiedModels(
        tree.with_value([SECTION], replace(section, entries=entries)),
        {name: frozenset(keys) for name, keys in copier.differing.items()},
        frozenset(name for name, copied in copies.items() if copied is None),
        copier.owners,
    )


def find_use(tree: MappingNode, name: Step) -> str | None:
    """The kind of a model in a tree with `like`: its own `use`, or that of the one it is like; None if unknown."""
    seen: set[Step] = set()
    while name not in seen:
        seen.add(name)
        if (use := tree.at([SECTION, name, "use"])) is not None:
            return str(use.to_plain())
        like = tree.at([SECTION, name, "like"])
        name = str(like.to_plain()) if like is not None else name
    return None


def variables_of(tree: MappingNode) -> dict[str, str]:
    """The settings of a model that an environment variable may give, each with its variable."""
    values = {key: entry.value for key, entry in tree.entries.items() if is_environment(entry.value)}
    return {key: str(name.to_plain()) for key, value in values.items() if (name := value.at(["env"])) is not None}


def start_entry(tree: MappingNode, where: list[Step], value: Tree) -> tuple[list[Step], Tree]:
    """A change of one setting; of the whole entry where a model's kind changes, as settings belong to their kind."""
    match where:
        case ["models", name, "use"] if (old := find_use(tree, name)) is not None:
            if old == value.to_plain():
                return [SECTION, name], tree.at([SECTION, name]) or value
        case ["models", name, "like"] if tree.at([SECTION, name, "use"]) is not None:
            pass
        case _:
            return where, value
    return where[:2], MappingNode({str(where[2]): MappingEntry(value.span, value)}, value.span)


@dataclass(slots=True)
class _Copier:
    """Copies the models of one section, each once."""

    section: MappingNode
    findings: Findings
    differing: dict[str, set[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    _done: dict[str, Tree | None] = field(default_factory=dict)

    def copy(self, name: str, chain: tuple[str, ...] = ()) -> Tree | None:
        """The entry of that name without `like`; None if that is not possible, as is reported."""
        if name not in self._done:
            self._done[name] = self._copy(name, (*chain, name))
        return self._done[name]

    def _copy(self, name: str, chain: tuple[str, ...]) -> Tree | None:
        own = self.section.entries[name].value
        if not isinstance(own, MappingNode) or "like" not in own.entries:
            return own
        like = own.entries["like"]
        if "use" in own.entries:
            message = f"model `{name}` has both `use` and `like`"
            help = "a model of another kind is an entry of its own"
            self.findings.error("E226", message, like.key_span, expected="one of the two", help=help)
            return None
        other = like.value.to_plain()
        names = [known for known in self.section.entries if known != name]
        if not isinstance(other, str) or other not in self.section.entries:
            message = f"unknown model `{other}` in `like`" if isinstance(other, str) else "`like` must be a name"
            near = closest(other, names) if isinstance(other, str) else None
            expected = one_of(names, "another model defined in `models:`")
            self.findings.error("E216", message, like.value.span, expected=expected, suggestion=near)
            return None
        if other in chain:
            rest = chain[chain.index(other) + 1 :]
            way = ", which is like ".join(f"`{step}`" for step in (*rest, other))
            message = f"model `{other}` is like {way if rest else 'itself'}"
            places = [(self.section.span_of([step, "like"]), f"`{step}` is like it here") for step in chain]
            related, expected = tuple(places[chain.index(other) : -1]), "one model with a `use` at the end"
            self.findings.error("E225", message, like.value.span, expected=expected, related=related)
            return None
        base = self.copy(other, chain)
        if not isinstance(base, MappingNode) or "use" not in base.entries:
            return None  # wrong itself, as is reported there
        self.differing[name] = self.differing.get(other, set()) | (own.entries.keys() - {"like"})
        for key in ("budget", "or"):
            if key not in own.entries:
                self.owners[f"{name}.{key}"] = self.owners.get(f"{other}.{key}", other)
        return _overlay(base, own.without(["like"]))


def _overlay(base: MappingNode, own: MappingNode) -> MappingNode:
    """The entries of both, those of `own` last; mappings inside them are joined in the same way."""
    entries = dict(base.entries)
    for key, entry in own.entries.items():
        old = entries.get(key)
        inner, value = old.value if old else None, entry.value
        if isinstance(inner, MappingNode) and isinstance(value, MappingNode):
            is_whole = is_environment(inner) or is_environment(value)
            entry = entry if is_whole else replace(entry, value=_overlay(inner, value))
        entries[key] = entry
    return MappingNode(entries, own.span)
