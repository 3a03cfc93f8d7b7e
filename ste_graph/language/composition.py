"""Composition: `extends`, `set`, `variants` and `--set` turn files into one tree, before anything is checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ste_graph.language.diagnostics import Diagnostic, Problems, Span, closest
from ste_graph.language.document import read
from ste_graph.language.entries import WIRING, Section, UnknownUse, find, settings_shape
from ste_graph.language.schema import BLOCKS, WorkflowShape
from ste_graph.language.tree import Entry, Mapping, Scalar, Sequence, Tree

MERGED = ("params", "models", "memory", "nodes", "variants", "budget", "limits")
"""Sections whose entries are merged one by one with the base's; all others are replaced whole."""

TREE_KEYS = {field.alias or name for name, field in WorkflowShape.model_fields.items()}


def composed(path: Path) -> Mapping:
    """The file at `path` with its bases merged in and its `set` applied. Raises `Problems`."""
    return _composed(path, ())


def _composed(path: Path, above: tuple[Path, ...]) -> Mapping:
    tree = read(path)
    base_name = tree.entries.get("extends")
    if base_name is not None:
        tree = _without(tree, "extends")
        tree = _merged(_base(path, base_name, above), tree)
    changes = tree.entries.get("set")
    if changes is not None:
        tree = _without(tree, "set")
        tree = changed(tree, changes.value, "set")
    return tree


def _base(path: Path, entry: Entry, above: tuple[Path, ...]) -> Mapping:
    span = entry.value.span
    if not isinstance(entry.value, Scalar) or not isinstance(entry.value.value, str):
        raise _problem("E301", "`extends` is not a file name", span, expected="one path, relative to this file")
    base = path.parent / entry.value.value
    if not base.is_file():
        near = closest(base.name, [p.name for p in base.parent.glob("*.yaml")] if base.parent.is_dir() else [])
        raise _problem("E302", f"there is no file `{entry.value.value}` to extend", span, suggestion=near)
    if base.resolve() in [p.resolve() for p in (*above, path)]:
        raise _problem("E303", f"`{entry.value.value}` extends this file in turn", span, expected="a chain without a circle")
    return _composed(base, (*above, path))


def _merged(base: Mapping, over: Mapping) -> Mapping:
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        old = entries.get(key)
        if key in MERGED and old is not None and isinstance(old.value, Mapping) and isinstance(entry.value, Mapping):
            entries[key] = Entry(entry.key_span, Mapping({**old.value.entries, **entry.value.entries}, entry.value.span))
        else:
            entries[key] = entry
    return Mapping(entries, over.span)


def _without(tree: Mapping, key: str) -> Mapping:
    return Mapping({k: v for k, v in tree.entries.items() if k != key}, tree.span)


def changed(tree: Mapping, changes: Tree, what: str) -> Mapping:
    """`tree` with every `path: value` of `changes` applied, in order. Raises `Problems` that name all wrong paths."""
    if not isinstance(changes, Mapping):
        raise _problem("E304", f"`{what}` is not a mapping", changes.span, expected="`path: value` lines")
    wrong: list[Diagnostic] = []
    for path, entry in changes.entries.items():
        try:
            tree = with_path(tree, path, entry.value, entry.key_span)
        except Problems as problems:
            wrong.extend(problems.diagnostics)
    if wrong:
        raise Problems(wrong)
    return tree


def with_path(tree: Mapping, path: str, value: Tree, span: Span) -> Mapping:
    """`tree` with the value at a dotted path replaced. Raises `Problems` if neither file nor schema has the path."""
    keys = _located(tree, path.split("."), path, value, span)
    return tree.with_value(keys, value)


def _located(tree: Mapping, parts: list[str], path: str, value: Tree, span: Span) -> list[str | int]:
    """The keys and indices that a path stands for in this tree."""
    head, *rest = parts
    if head not in tree.entries and head not in TREE_KEYS or head in ("dsl", "extends", "set", "variants"):
        allowed = sorted(TREE_KEYS - {"dsl", "extends", "set", "variants"})
        raise _unknown(path, head, allowed, span)
    if not rest:
        return [head]
    section = tree.entries.get(head)
    if head == "graph":
        return ["graph", *_in_loop(section.value if section else None, rest, path, span)]
    if section is None:
        section = Entry(span, Mapping({}, span))
    return [head, *_inside(head, section.value, rest, path, value, span)]


def _inside(section: str, here: Tree, parts: list[str], path: str, value: Tree, span: Span) -> list[str | int]:
    key, *rest = parts
    if isinstance(here, Sequence):
        if not key.isdigit() or int(key) >= len(here.items):
            raise _unknown(path, key, [str(i) for i in range(len(here.items))], span)
        index = int(key)
        return [index, *(_inside(section, here.items[index], rest, path, value, span) if rest else [])]
    if not isinstance(here, Mapping):
        raise _unknown(path, key, [], span, f"`{path[: -len('.'.join(parts)) - 1]}` is a single value, it has no entries")
    legal = {*here.entries, *_schema_keys(section, here)}
    fresh = section in ("nodes", "models", "memory") and isinstance(value, Mapping) and "use" in value.entries
    if key not in legal and not (fresh and not rest and len(path.split(".")) == 2):
        raise _unknown(path, key, sorted(legal), span)
    if not rest:
        return [key]
    if key not in here.entries:
        return [key, *rest]
    return [key, *_inside(section, here.entries[key].value, rest, path, value, span)]


def _schema_keys(section: str, here: Mapping) -> set[str]:
    """Keys that the schema allows in this mapping although the file does not have them."""
    if section in ("budget", "limits"):
        annotation = WorkflowShape.model_fields[section].annotation
        return set(annotation.model_fields) if annotation is not None and hasattr(annotation, "model_fields") else set()
    use = here.entries.get("use")
    if section not in WIRING or use is None or not isinstance(use.value, Scalar):
        return set()
    typed: Section = section  # type: ignore[assignment]  # checked by the line above
    try:
        cls = find(typed, str(use.value.value), {})
    except UnknownUse:
        return set(WIRING[section].model_fields) if WIRING[section] else set()  # type: ignore[union-attr]
    wiring = WIRING[section]
    return {*settings_shape(cls).model_fields, *(wiring.model_fields if wiring else ())}


def _in_loop(graph: Tree | None, parts: list[str], path: str, span: Span) -> list[str | int]:
    loops = dict(_loops(graph, ()))
    name, *rest = parts
    if name not in loops:
        raise _unknown(path, name, sorted(loops), span, "loops of the graph are reached by their name")
    where, block = loops[name]
    kind = next(k for k in ("map", "repeat") if k in block.entries)
    legal = sorted({f.alias or k for k, f in BLOCKS[kind].model_fields.items()})
    if len(rest) != 1 or rest[0] not in legal:
        raise _unknown(path, rest[0] if rest else name, [f"graph.{name}.{key}" for key in legal], span)
    return [*where, rest[0]]


def _loops(tree: Tree | None, at: tuple[str | int, ...]) -> Iterator[tuple[str, tuple[tuple[str | int, ...], Mapping]]]:
    if isinstance(tree, Sequence):
        for index, item in enumerate(tree.items):
            yield from _loops(item, (*at, index))
    elif isinstance(tree, Mapping):
        for kind in ("map", "repeat"):
            name = tree.entries.get(kind)
            if name is not None and isinstance(name.value, Scalar):
                yield str(name.value.value), (at, tree)
        for branch in ("do", "else"):
            if branch in tree.entries:
                yield from _loops(tree.entries[branch].value, (*at, branch))


def _unknown(path: str, part: str, choices: list[str], span: Span, note: str | None = None) -> Problems:
    last = closest(part, [choice.rsplit(".", 1)[-1] for choice in choices])
    whole = next((choice for choice in choices if choice.rsplit(".", 1)[-1] == last), None)
    before = path[: path.rfind(part)] if whole and "." not in whole else ""
    expected = note or (f"one of: {', '.join(choices)}" if choices else None)
    return _problem("E305", f"no `{part}` to change at `{path}`", span, expected=expected, suggestion=f"{before}{whole}" if whole else None)


def _problem(code: str, message: str, span: Span, *, expected: str | None = None, suggestion: str | None = None) -> Problems:
    return Problems([Diagnostic(code, "error", message, span, expected, suggestion, ())])
