"""Binding: each value that a node, a prompt, an expression or a record reads is tied to what gives it, or reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ste_graph.contracts import Json
from ste_graph.language import types
from ste_graph.language.blocks import Do, Each, Keep, Map, Repeat, When
from ste_graph.language.diagnostics import Span, closest
from ste_graph.language.expressions import Expression
from ste_graph.language.findings import Findings
from ste_graph.language.graph import known_param, report_expression
from ste_graph.language.scope import Names, Place
from ste_graph.language.tree import Entry, Tree
from ste_graph.language.types import INT, LIST, NULL, OBJECT, STR, Type, accepts
from ste_graph.language.workflow import FromLoop, FromNode, MemorySpec, NodeSpec, Source
from ste_graph.prompt import Prompt
from ste_graph.records import Record

ITEM_FIELDS = {"name": STR, "description": STR, "parameters": OBJECT, "effect": STR, "fingerprint": STR}
"""What can be read of the item of a map over `tools`."""

VIEW_FIELDS = {"messages": ("empty", "messages"), "records": ("empty", "entries")}
"""What a prompt can read of a memory, by what the memory holds."""


@dataclass(frozen=True)
class Binder:
    """Everything that has a name, and the place to report what has none."""

    outputs: Mapping[str, type[BaseModel] | None]
    """Per node, off or not: the type of what it gives; None where that is not known (a plugin that is not loaded)."""
    off: Mapping[str, Span]
    params: Mapping[str, Json]
    loops: Mapping[str, Repeat | Map]
    unit: Map | None
    memories: Mapping[str, str]
    """Per memory, off or not: what it holds."""
    findings: Findings

    # -- names ---------------------------------------------------------------------------------------------------

    def names(self, given: Iterable[str], around: Iterable[str]) -> Names:
        """The names that can be read at a place, with their types there."""
        found: dict[str, Type] = {}
        opened: set[str] = set()
        there = set(given)
        for name, value in self.params.items():
            found |= _param_types(f"params.{name}", value)
        for node, output in self.outputs.items():
            if output is None:
                opened.add(node)
                continue
            for field, info in output.model_fields.items():
                found |= types.names(f"{node}.{field}", info.annotation, maybe=node not in there)
        loops: list[Repeat | Map] = [self.loops[name] for name in around]
        if self.unit is not None:
            loops.append(self.unit)
        for loop in loops:
            if isinstance(loop, Repeat):
                found[loop.name] = INT
            elif loop.over.text == "tools":
                found[loop.name] = OBJECT
                found |= {f"{loop.name}.{field}": kind for field, kind in ITEM_FIELDS.items()}
                opened.add(f"{loop.name}.parameters")
            else:
                opened.add(loop.name)
        return Names(found, frozenset(opened))

    # -- expressions ---------------------------------------------------------------------------------------------

    def expression(self, expression: Expression, tree: Tree, place: Place, expected: Type | None, key: str) -> Type:
        """Check one expression where it stands; its type, or `any` where it is faulty."""
        found, errors = expression.check(self.names(place.given, place.around), expected)
        for error in errors:
            if culprit := self._off_in(expression):
                self.findings.error(
                    "E412",
                    f"`{culprit}` is off, but `{key}` needs it: {error.message}",
                    tree.span,
                    expected="turn off what reads it as well, or change the condition in the same variant",
                    related=((self.off[culprit], f"`{culprit}` is off"),),
                )
            else:
                error.message = f"{error.message} in `{key}`" if error.message.startswith("unknown name") else error.message
                report_expression(error, "E204", tree, self.findings)
        return types.ANY if errors else found

    def _off_in(self, expression: Expression) -> str | None:
        return next((name.split(".")[0] for name in sorted(expression.reads) if name.split(".")[0] in self.off), None)

    # -- nodes ---------------------------------------------------------------------------------------------------

    def reads(self, spec: NodeSpec, wanted: Mapping[str, str], where: Mapping[str, Span], seats: list[Place]) -> dict[str, Source]:
        """Where each field of the node's `See` comes from; `wanted` is its `reads:` from the file."""
        fields = spec.cls.See.model_fields
        for field in wanted:
            if field not in fields:
                self.findings.error(
                    "E201",
                    f"`{spec.name}` reads no `{field}`",
                    where[field],
                    expected=f"one of: {', '.join(sorted(fields))}" if fields else "nothing: this node reads no value",
                    suggestion=closest(field, fields),
                )
        bound: dict[str, Source] = {}
        for field, info in fields.items():
            source = self._named(spec, field, wanted[field], where[field]) if field in wanted else self._sought(spec, field)
            if source is None:
                if not Type.of(info.annotation).nullable and field not in wanted and not self._ambiguous(spec, field):
                    self._nothing_gives(spec, field)
                continue
            bound[field] = source
            for seat in seats:
                if not self._fits(spec, field, info.annotation, source, seat):
                    break
        return bound

    def _givers(self, spec: NodeSpec, field: str) -> list[str]:
        return [n for n, output in self.outputs.items() if n != spec.name and output and field in output.model_fields]

    def _ambiguous(self, spec: NodeSpec, field: str) -> bool:
        return len(self._givers(spec, field)) > 1

    def _sought(self, spec: NodeSpec, field: str) -> Source | None:
        givers = self._givers(spec, field)
        if len(givers) > 1:
            self.findings.error(
                "E213",
                f"`{spec.name}` reads `{field}`, which {' and '.join(f'`{n}`' for n in givers)} give",
                spec.span,
                expected=f"`reads: {{{field}: {givers[0]}.{field}}}` in `{spec.name}`",
            )
            return None
        if givers:
            return FromNode(givers[0], field)
        if field in self.loops or (self.unit is not None and field == self.unit.name):
            return FromLoop(field)
        return None

    def _named(self, spec: NodeSpec, field: str, name: str, span: Span) -> Source | None:
        node, _, output = name.partition(".")
        if node in self.outputs:
            given = self.outputs[node]
            if given is None or output in given.model_fields:
                return FromNode(node, output)
            choices = [f"{node}.{known}" for known in given.model_fields]
        elif not output and (name in self.loops or (self.unit is not None and name == self.unit.name)):
            return FromLoop(name)
        else:
            choices = sorted(f"{n}.{f}" for n, o in self.outputs.items() if o for f in o.model_fields)
        self.findings.error(
            "E204",
            f"unknown name `{name}` in `reads` of `{spec.name}`",
            span,
            expected=f"one of: {', '.join(choices)}",
            suggestion=closest(name, choices),
        )
        return None

    def _nothing_gives(self, spec: NodeSpec, field: str) -> None:
        others = sorted({f for n, o in self.outputs.items() if o and n != spec.name for f in o.model_fields})
        self.findings.error(
            "E211",
            f"`{spec.name}` reads `{field}`, but nothing in the graph gives it",
            spec.span,
            expected=f"a node that gives `{field}`, or `reads: {{{field}: node.output}}`; given are: {', '.join(others) or 'none'}",
            suggestion=closest(field, others),
        )

    def _fits(self, spec: NodeSpec, field: str, annotation: Any, source: Source, seat: Place) -> bool:
        expected = Type.of(annotation)
        if isinstance(source, FromLoop):
            actual = self.names((), (*seat.around,)).get(source.loop, types.ANY)
            name = source.loop
        else:
            name = f"{source.node}.{source.field}"
            output = self.outputs[source.node]
            if output is None:
                return True
            actual = Type.of(output.model_fields[source.field].annotation)
            if source.node not in seat.given:
                actual = actual.maybe
        if accepts(expected, actual):
            return True
        if isinstance(source, FromNode) and source.node in self.off:
            self.findings.error(
                "E412",
                f"`{source.node}` is off, but `{spec.name}` needs `{name}`",
                seat.block.span,
                expected=f"turn `{spec.name}` off as well, or give it the value another way in the same variant",
                related=((self.off[source.node], f"`{source.node}` is off"),),
            )
        elif accepts(expected, actual.present):
            self.findings.error(
                "E211",
                f"`{spec.name}` reads `{name}`, which is not given on every path to here",
                seat.block.span,
                expected=f"`{source.node if isinstance(source, FromNode) else name}` to run first, or a node that takes a missing `{field}`",
            )
        else:
            self.findings.error(
                "E212", f"`{spec.name}` reads `{field}` as {expected}, but `{name}` is {actual}", seat.block.span,
                expected=f"`reads: {{{field}: …}}` with a value that is {expected}",
            )  # fmt: skip
        return False

    # -- prompts -------------------------------------------------------------------------------------------------

    def prompt(self, spec: NodeSpec, prompt: Prompt, seats: list[Place]) -> None:
        """Check every name that a prompt reads at every place where its node stands."""
        if prompt.faults:
            self.findings.diagnostics.extend(prompt.faults)
            return
        around = [loop for loop in (seats[0].around if seats else ()) if all(loop in seat.around for seat in seats)]
        given = frozenset.intersection(*(seat.given for seat in seats)) if seats else frozenset()
        names = self.names(given, around)
        views = [*dict.fromkeys([*spec.sees, *([spec.talk] if spec.talk else [])])]
        for name, (line, column, length) in prompt.places.items():
            span = Span(prompt.path, line, column, length)
            root, _, rest = name.partition(".")
            if root in self.memories:
                self._view(spec, root, rest, views, span)
            elif name not in names and not any(known.startswith(f"{name}.") for known in names) and not known_param(
                self.params, name if root == "params" else "params.?"
            ):
                choices = [*names, *views, *(f"{view}.{field}" for view in views for field in VIEW_FIELDS[self.memories[view]])]
                self.findings.error(
                    "E204",
                    f"unknown name `{name}` in the prompt of `{spec.name}`",
                    span,
                    expected=self._known(root, names),
                    suggestion=closest(name, choices),
                    related=((spec.span, f"`{spec.name}` uses this prompt"),),
                )
            elif name in names and names[name].nullable and self._unguarded(name, prompt, given):
                self.findings.error(
                    "E211",
                    f"the prompt of `{spec.name}` reads `{name}`, which is not given on every path to here",
                    span,
                    expected=f"`{{% if {name} is not none %}}` around it",
                    related=((spec.span, f"`{spec.name}` uses this prompt"),),
                )

    def _unguarded(self, name: str, prompt: Prompt, given: frozenset[str]) -> bool:
        root = name.split(".")[0]
        return root in self.outputs and root not in given and root not in self.off and name not in prompt.tested

    def _known(self, root: str, names: Names) -> str:
        output = self.outputs.get(root)
        if output is not None:
            return f"`{root}` gives: {', '.join(sorted(output.model_fields))}"
        return f"names that can be read here: {', '.join(sorted({name.split('.')[0] for name in names}))}"

    def _view(self, spec: NodeSpec, memory: str, rest: str, views: list[str], span: Span) -> None:
        if memory not in views:
            self.findings.error(
                "E214",
                f"the prompt of `{spec.name}` shows the memory `{memory}`, which the node does not see",
                span,
                expected=f"`sees: [{', '.join([*spec.sees, memory])}]` in `{spec.name}`",
                related=((spec.span, f"`{spec.name}` uses this prompt"),),
            )
        fields = VIEW_FIELDS[self.memories[memory]]
        if rest and rest.split(".")[0] not in fields:
            self.findings.error(
                "E204",
                f"unknown name `{memory}.{rest}` in the prompt of `{spec.name}`",
                span,
                expected=f"`{memory}` has: {', '.join(fields)}",
                suggestion=closest(f"{memory}.{rest}", [f"{memory}.{field}" for field in fields]),
            )

    # -- records -------------------------------------------------------------------------------------------------

    def record(self, keep: Keep, cls: type[Record], given: Mapping[str, Entry], place: Place) -> None:
        """Check that `as` gives what the record needs, each of the right type."""
        wanted = {name: info for name, info in cls.model_fields.items() if name not in cls.derived}
        for name in wanted:
            if name not in given and wanted[name].is_required():
                self.findings.error("E202", f"`as` does not give `{name}`, which a `{keep.record}` needs", keep.span)
        for name, entry in given.items():
            if name not in wanted:
                self.findings.error(
                    "E201",
                    f"a `{keep.record}` has no `{name}` to give",
                    entry.key_span,
                    expected=f"one of: {', '.join(sorted(wanted))}",
                    suggestion=closest(name, wanted),
                )
        for name, value in keep.values.items():
            info = wanted.get(name)
            if isinstance(value, Each):
                self._each(value, given[name].value.span)
                if info is not None and not accepts(Type.of(info.annotation), LIST):
                    self.findings.error("E212", f"`{name}` is {Type.of(info.annotation)}, but `each` gives a list", given[name].key_span)
            elif info is not None:
                self.expression(value, given[name].value, place, Type.of(info.annotation), f"as.{name}")

    def _each(self, each: Each, span: Span) -> None:
        names = [each.first, *([each.second] if each.second else [])]
        for name in names:
            if name not in self.outputs:
                self.findings.error(
                    "E220", f"there is no node `{name}`", span, expected="two nodes of the graph", suggestion=closest(name, self.outputs)
                )
                return
        if len(names) == 2:
            first, second = (self.outputs[name] for name in names)
            both = sorted(set(first.model_fields) & set(second.model_fields)) if first and second else []
            if both:
                self.findings.error(
                    "E213", f"`{names[0]}` and `{names[1]}` both give `{both[0]}`, so they cannot be joined", span,
                    expected="two nodes whose outputs have different names",
                )  # fmt: skip


def _param_types(name: str, value: Json) -> dict[str, Type]:
    if isinstance(value, dict):
        found = {name: OBJECT}
        for key, inner in value.items():
            found |= _param_types(f"{name}.{key}", inner)
        return found
    return {name: NULL if value is None else Type.of(type(value))}


def record_memories(memories: Iterable[MemorySpec], record: str) -> list[MemorySpec]:
    """The memories that hold records of a type."""
    return [memory for memory in memories if memory.of == record]


def condition_of(block: Repeat | When | Map) -> Expression | None:
    """The expression that a block looks at."""
    match block:
        case Repeat(condition=condition) | When(condition=condition):
            return condition
        case Map(over=over):
            return over


def seats_of(node: str, places: Iterable[Place]) -> list[Place]:
    """The places at which a node stands."""
    return [place for place in places if isinstance(place.block, Do) and place.block.node == node]
