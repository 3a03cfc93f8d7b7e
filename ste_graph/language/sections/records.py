"""Records of the graph: their types, and the check of the values under `as`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ste_graph.diagnostics import Span
from ste_graph.language.blocks import Block, Each, RecordBlock, walk
from ste_graph.language.expressions.types import LIST, Type, accepts
from ste_graph.language.sections.entries import UnknownUseError, find
from ste_graph.language.sections.plugins import describe_exception
from ste_graph.language.sections.resolution import ResolvedEntries
from ste_graph.language.sections.scope import Position
from ste_graph.language.sections.vocabulary import Vocabulary
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.language.source.tree import MappingEntry
from ste_graph.records import Record
from ste_graph.suggest import closest

ENGINE_FIELDS = ("id", "record", "started", "ended")
"""The fields that the engine writes into every line of the journal, besides the unit and the loops around."""


class UnloadedRecord(Record):
    """The type of a plugin's record that was not loaded (`--no-plugins`): its fields are not checked."""

    @property
    def text(self) -> str:
        return ""


def record_types(blocks: Sequence[Block], entries: ResolvedEntries, findings: Findings) -> dict[str, type[Record]]:
    """The record types that the graph makes, by name; unknown ones are reported."""
    found: dict[str, type[Record]] = {}
    for block, _ in walk(blocks):
        if not isinstance(block, RecordBlock) or block.record in found:
            continue
        name, span = block.record, block.span
        try:
            found[name] = find("records", name, entries.plugins)
        except UnknownUseError as error:
            if entries.plugins_skipped and "." in name:
                found[name] = UnloadedRecord
                findings.warning("W502", f"`{name}` was not loaded: its fields are not checked", span)
            elif name.partition(".")[0] not in entries.failed_plugins:
                expected, near = one_of(error.choices, "an installed type"), closest(name, error.choices)
                findings.error("E215", f"unknown record type `{name}`", span, expected=expected, suggestion=near)
        except Exception as error:  # an installed package's own import
            findings.error("E502", f"`record: {name}` fails: {describe_exception(error)}", span)
    return found


def check_record(
    block: RecordBlock,
    cls: type[Record],
    entries: Mapping[str, MappingEntry],
    position: Position,
    vocabulary: Vocabulary,
    findings: Findings,
) -> None:
    """Check that `as` has all fields that the record needs, each of the right type. `entries` are those of `as`."""
    for name in ENGINE_FIELDS:
        if name in cls.model_fields:
            message = f"`{block.record}` has a field `{name}`, which the engine writes into every record"
            findings.error("E221", message, block.span, expected="another name for the field")
    fields = {name: info for name, info in cls.model_fields.items() if name not in cls.derived}
    for name, info in fields.items():
        if name not in entries and info.is_required():
            expected = f"`{name}: …`, a value that is {Type.from_annotation(info.annotation)}"
            message = f"missing key `{name}` in `as`: `{block.record}` needs it"
            findings.error("E202", message, block.span, expected=expected)
    for name, entry in entries.items():
        if name not in fields and cls is not UnloadedRecord:
            message = f"unknown key `{name}` in `as`: `{block.record}` has no such field"
            near, expected = closest(name, fields), one_of(fields, "nothing")
            findings.error("E201", message, entry.key_span, expected=expected, suggestion=near)
    for name, value in block.values.items():
        type_ = Type.from_annotation(fields[name].annotation) if name in fields else None
        if isinstance(value, Each):
            _check_each(value, entries[name].value.span, vocabulary, findings)
            if type_ is not None and not accepts(type_, LIST):
                message = f"`{name}` is {type_}, but `each` makes a list"
                findings.error("E212", message, entries[name].key_span, expected=f"an expression that is {type_}")
        else:
            vocabulary.check(value, entries[name].value, position, type_, f"as.{name}", findings)


def _check_each(each: Each, span: Span, vocabulary: Vocabulary, findings: Findings) -> None:
    names = [each.first, *([each.second] if each.second else [])]
    unknown = [name for name in names if name not in vocabulary.outputs]
    for name in unknown:
        near = closest(name, vocabulary.outputs)
        message = f"no node `{name}` in the graph"
        expected = one_of(vocabulary.outputs, "nodes of the graph")
        findings.error("E220", message, span, expected=expected, suggestion=near)
    if unknown or len(names) < 2:
        return
    first, second = (vocabulary.outputs[name] for name in names)
    both = sorted(set(first.model_fields) & set(second.model_fields)) if first and second else []
    if both:
        message = f"`{names[0]}` and `{names[1]}` both have an output `{both[0]}` and cannot be joined"
        findings.error("E213", message, span, expected="two nodes whose outputs have different names")
