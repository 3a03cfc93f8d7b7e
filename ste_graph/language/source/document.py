"""YAML to a tree: scalars mean what YAML 1.2 says, and what could surprise is refused with its place."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final

import yaml

from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span, display_path, remember
from ste_graph.files.regular import read_regular
from ste_graph.language.source.syntax import explain_yaml_error
from ste_graph.language.source.tool_files import find_tool_file
from ste_graph.language.source.tree import MappingEntry, MappingNode, ScalarNode, SequenceNode, Tree
from ste_graph.suggest import closest

_DEEPEST: Final = 50
_MOST: Final = 100_000  # values that aliases may blow a document up to
_MOST_BYTES: Final = 4 * 1024**2
_LARGEST: Final = 2**63
_CONSTANTS: Final = {"": None, "~": None} | {
    spelling: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelling in (word, word.capitalize(), word.upper())
}
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class DocumentLoader(yaml.SafeLoader):
    """Turns YAML into a tree and collects what is refused on the way.

    PyYAML composes nodes, and leaves what scalars mean to us: a node without an explicit tag has the tag ``.
    """

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self._text = text
        self._file = name
        self._depth = 0
        self._diagnostics: list[Diagnostic] = []
        self._trees: dict[int, tuple[Tree, int]] = {}  # by node, so that an aliased value is built once
        self._open: set[int] = set()

    @classmethod
    def read(cls, path: Path, *, asked_at: Span | None = None) -> MappingNode:
        """The document in a file.

        Raises `DiagnosticsError`; that the file cannot be read is reported at `asked_at`, the place that names it.
        """
        name = display_path(path)
        try:
            raw = read_regular(path, _MOST_BYTES)
        except OSError as error:
            near = closest(path.name, _sibling_names(path)) if isinstance(error, FileNotFoundError) else None
            message = f"`{name}` cannot be read: {(error.strerror or str(error)).lower()}"
            raise DiagnosticsError(
                [Diagnostic("E101", "error", message, asked_at or Span(name, 1, 1, 1), suggestion=near)]
            ) from None
        _refuse_tools(path, asked_at or Span(name, 1, 1, 1))
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode("utf-8-sig", errors="replace")
            place = Span(name, before.count("\n") + 1, len(before) - before.rfind("\n"), 1)
            raise DiagnosticsError(
                [_error("E102", f"this is not UTF-8 text (byte {error.start})", place, "a text file saved as UTF-8")]
            ) from None
        tree = cls.parse(text, name)
        _refuse_tools(path, asked_at or tree.span, tree)
        return tree

    @classmethod
    def parse(cls, text: str, name: str) -> MappingNode:
        """The document in a text; its spans are in the file `name`. Raises `DiagnosticsError`."""
        tree = cls.parse_value(text, name)
        if isinstance(tree, MappingNode):
            return tree
        empty = isinstance(tree, ScalarNode) and tree.value is None
        message = "the file is empty" if empty else "the file is not a mapping"
        raise DiagnosticsError([_error("E105", message, tree.span, "`key: value` lines")])

    @classmethod
    def parse_value(cls, text: str, name: str) -> Tree:
        """The one YAML value in a text, null for an empty text. Raises `DiagnosticsError`."""
        text = text.removeprefix("\ufeff")
        remember(name, text)
        try:
            loader = cls(text, name)
            root = loader.get_single_node()
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            place = Span(name, before.count("\n") + 1, len(before) - before.rfind("\n"), 1)
            message = f"the character U+{error.character:04X} is not allowed in YAML"
            raise DiagnosticsError([_error("E102", message, place, "printable characters")]) from None
        except yaml.MarkedYAMLError as error:
            raise DiagnosticsError([explain_yaml_error(error, name)]) from None
        if root is None:
            return ScalarNode(None, Span(name, 1, 1, 1))
        tree, _ = loader._build(root)
        if loader._diagnostics:
            raise DiagnosticsError(loader._diagnostics)
        return tree

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: object) -> str:
        return ""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _build(self, node: yaml.Node) -> tuple[Tree, int]:
        """The tree of a node, and the number of its values with all aliases written out."""
        if id(node) in self._trees:
            return self._trees[id(node)]
        span = self._span(node)
        nothing = ScalarNode(None, span)
        if id(node) in self._open:
            self._refuse("E111", "a value contains itself through an alias", span)
            return nothing, 1
        if node.tag:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse("E109", f"the tag `{tag}` is not part of the language", span, "plain YAML; quotes make a text")
            return nothing, 1
        self._open.add(id(node))
        tree: Tree
        size = 1
        match node:
            case yaml.MappingNode(value=pairs):
                entries, size = self._entries(pairs)
                tree = MappingNode(entries, span)
            case yaml.SequenceNode(value=nodes):
                items = [self._build(item) for item in nodes]
                size += sum(count for _, count in items)
                tree = SequenceNode(tuple(item for item, _ in items), span)
            case yaml.ScalarNode():
                tree = self._scalar(node, span)
            case _:
                raise TypeError(type(node))
        self._open.discard(id(node))
        if size > _MOST:
            self._refuse("E111", f"aliases blow this up to more than {_MOST} values", span)
            tree, size = nothing, 1
        self._trees[id(node)] = tree, size
        return tree, size

    def _entries(self, pairs: list[tuple[yaml.Node, yaml.Node]]) -> tuple[dict[str, MappingEntry], int]:
        entries: dict[str, MappingEntry] = {}
        size = 1
        for key_node, value_node in pairs:
            place = self._span(key_node)
            key = self._scalar(key_node, place).value if isinstance(key_node, yaml.ScalarNode) else None
            tree, count = self._build(value_node)
            size += count
            if key_node.tag:
                self._refuse("E109", "a key cannot have a tag", place)
            elif key == "<<" and place.length == 2:  # not in quotes
                self._refuse(
                    "E110", "merge keys (`<<`) are not part of the language", place, "the entries, written out"
                )
            elif isinstance(key_node, yaml.MappingNode) and key_node.flow_style:
                self._refuse(
                    "E108",
                    "an expression has no `{{ }}` around it",
                    place,
                    "the bare expression, such as `call.finished`",
                )
            elif not isinstance(key, str):
                name = f"`{key_node.value}`" if isinstance(key_node, yaml.ScalarNode) else "this"
                self._refuse("E108", f"{name} cannot be a key: keys are texts", place, "a name, or a text in quotes")
            elif key in entries:
                related = ((entries[key].key_span, f"first `{key}` here"),)
                self._diagnostics.append(Diagnostic("E107", "error", f"duplicate key `{key}`", place, related=related))
            else:
                entries[key] = MappingEntry(place, tree)
        return entries, size

    def _scalar(self, node: yaml.ScalarNode, span: Span) -> ScalarNode:
        text: str = node.value
        source = self._text[node.start_mark.index : node.end_mark.index]
        offset = 0 if source == text else 1 if source[1:-1] == text else None
        if node.style is not None:
            return ScalarNode(self._join_surrogates(text, span), span, offset)
        if text in _CONSTANTS:
            return ScalarNode(_CONSTANTS[text], span, offset)
        try:
            if _INT.fullmatch(text):
                number: int | float = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
            elif _FLOAT.fullmatch(text):
                number = float(text)
            elif _NO_NUMBER.fullmatch(text):
                number = math.nan
            else:
                return ScalarNode(text, span, offset)
        except ValueError:  # more digits than Python reads
            number = math.inf
        if abs(number) >= _LARGEST if isinstance(number, int) else not math.isfinite(number):
            self._refuse("E112", f"`{text[:40]}` is not a usable number", span, "a finite number below 2**63")
            number = 0
        return ScalarNode(number, span, offset)

    def _join_surrogates(self, text: str, span: Span) -> str:
        """A text in quotes; a pair of escapes that together are one character, as JSON writes them, is joined."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._refuse("E102", "an escape is half of a character", span, "both halves, or the character itself")
            return ""

    def _span(self, node: yaml.Node) -> Span:
        """The first line of a node; of a block mapping its first key, of a block sequence its first dash."""
        start, end = node.start_mark, node.end_mark
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            if isinstance(node, yaml.MappingNode) and node.value:
                return self._span(node.value[0][0])
            return Span(self._file, start.line + 1, start.column + 1, 1)
        first = re.split("[\n\r\x85\u2028\u2029]", self._text[start.index : end.index], maxsplit=1)[0]
        return Span(self._file, start.line + 1, start.column + 1, max(1, len(first.rstrip())))

    def _refuse(self, code: str, message: str, span: Span, expected: str | None = None) -> None:
        self._diagnostics.append(_error(code, message, span, expected))


def _refuse_tools(path: Path, place: Span, tree: MappingNode | None = None) -> None:
    """Raises `DiagnosticsError` for a file that holds tools, which a workflow can only name."""
    if found := find_tool_file(path, tree):
        what, instead = found
        raise DiagnosticsError([Diagnostic("E105", "error", f"this is {what}, not a workflow", place, help=instead)])


def _sibling_names(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir() if entry.suffix == path.suffix]
    except OSError:
        return []


def _error(code: str, message: str, span: Span, expected: str | None = None) -> Diagnostic:
    return Diagnostic(code, "error", message, span, expected)
