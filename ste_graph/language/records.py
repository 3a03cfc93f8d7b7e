"""Records of the graph: their types, and whether `as` gives what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ste_graph.language.blocks import Block, Each, RecordBlock, walk
from ste_graph.language.diagnostics import Span
from ste_graph.language.entries import UnknownUseError, find
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.plugins import fault
from ste_graph.language.resolution import Entries
from ste_graph.language.scope import Place
from ste_graph.language.tree import Entry
from ste_graph.language.types import LIST, Type, accepts
from ste_graph.language.vocabulary import Vocabulary
from ste_graph.records import Record
from ste_graph.suggest import closest

ENGINE_FIELDS = ("id", "record", "started", "ended")
"""What the engine itself writes into every line of the journal, beside the unit and the loops around."""


class Unloaded(Record):
    """Stands for a plugin's type of record that was not loaded (`--no-plugins`): what it needs is not checked."""

    @property
    def text(self) -> str:
        return ""


def record_types(blocks: Sequence[Block], entries: Entries, findings: Findings) -> dict[str, type[Record]]:
    """The record types that the graph makes, by name; unknown ones are reported."""
    found: dict[str, type[Record]] = {}
    for block, _ in walk(blocks):
        if not isinstance(block, RecordBlock) or block.record in found:
            continue
        name, span = block.record, block.span
        try:
            found[name] = find("records", name, entries.modules)
        except UnknownUseError as unknown:
            if entries.unloaded and "." in name:
                found[name] = Unloaded
                findings.warning("W502", f"`{name}` was not loaded: what it needs is not checked", span)
            elif name.partition(".")[0] not in entries.failed:
                expected, near = one_of(unknown.choices, "a type that is installed"), closest(name, unknown.choices)
                said = f"there is no record type `{name}`"
                findings.error("E215", said, span, expected=expected, suggestion=near)
        except Exception as error:  # an installed package's own import
            findings.error("E502", f"`record: {name}` cannot be used: {fault(error)}", span)
    return found


def check_record(
    keep: RecordBlock,
    cls: type[Record],
    given: Mapping[str, Entry],
    place: Place,
    vocabulary: Vocabulary,
    findings: Findings,
) -> None:
    """Check that `as` gives what the record needs, each of the right type. `given` are the entries of `as`."""
    for name in ENGINE_FIELDS:
        if name in cls.model_fields:
            said = f"a `{keep.record}` has a field `{name}`, which the engine itself writes into every record"
            findings.error("E221", said, keep.span, expected="another name for the field")
    wanted = {name: info for name, info in cls.model_fields.items() if name not in cls.derived}
    for name, info in wanted.items():
        if name not in given and info.is_required():
            expected = f"`{name}: …`, a value that is {Type.of(info.annotation)}"
            findings.error(
                "E202", f"`as` does not give `{name}`, which a `{keep.record}` needs", keep.span, expected=expected
            )
    for name, entry in given.items():
        if name not in wanted and cls is not Unloaded:
            said = f"a `{keep.record}` has no `{name}` to give"
            near, expected = closest(name, wanted), one_of(wanted, "nothing")
            findings.error("E201", said, entry.key_span, expected=expected, suggestion=near)
    for name, value in keep.values.items():
        expects = Type.of(wanted[name].annotation) if name in wanted else None
        if isinstance(value, Each):
            _check_each(value, given[name].value.span, vocabulary, findings)
            if expects is not None and not accepts(expects, LIST):
                said = f"`{name}` is {expects}, but `each` gives a list"
                findings.error("E212", said, given[name].key_span, expected=f"an expression that is {expects}")
        else:
            vocabulary.check(value, given[name].value, place, expects, f"as.{name}", findings)


def _check_each(each: Each, span: Span, vocabulary: Vocabulary, findings: Findings) -> None:
    names = [each.first, *([each.second] if each.second else [])]
    unknown = [name for name in names if name not in vocabulary.outputs]
    for name in unknown:
        near = closest(name, vocabulary.outputs)
        said = f"no node `{name}` stands in the graph"
        findings.error("E220", said, span, expected=one_of(vocabulary.outputs, "nodes of the graph"), suggestion=near)
    if unknown or len(names) < 2:
        return
    first, second = (vocabulary.outputs[name] for name in names)
    both = sorted(set(first.model_fields) & set(second.model_fields)) if first and second else []
    if both:
        said = f"`{names[0]}` and `{names[1]}` both give `{both[0]}`, so they cannot be joined"
        findings.error("E213", said, span, expected="two nodes whose outputs have different names")
