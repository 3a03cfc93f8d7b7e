"""The blocks of a graph after checking: a union of small classes, taken apart by `match`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ste_graph.diagnostics import Span
from ste_graph.language.expressions.expression import Expression


@dataclass(frozen=True, slots=True)
class NodeBlock:
    """Run a node."""

    node: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parallel:
    """`parallel: n`: up to `width` passes of a loop run side by side; `width` is 2 or more."""

    width: int
    span: Span
    """The place of the key."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A bounded loop. `test` is the time of the `condition`: `while` before each pass, `until` after it.

    `bound` is the static maximum of passes; with `test == "times"`, without a condition, the exact number.
    """

    name: str
    do: tuple[Block, ...]
    bound: int
    test: Literal["times", "while", "until"]
    condition: Expression | None
    span: Span
    parallel: Parallel | None = None
    """Only with `test == "times"`."""


@dataclass(frozen=True, slots=True)
class Map:
    """One pass per item of `over`, in order; items beyond `bound` are left out.

    `bound` is None only for the map at the top level, whose items are the units; only there may be a `without`, a list
    of items to leave out.
    """

    name: str
    over: Expression
    do: tuple[Block, ...]
    bound: int | None
    span: Span
    without: Expression | None = None
    without_span: Span | None = None
    parallel: Parallel | None = None


@dataclass(frozen=True, slots=True)
class When:
    """Run `do` if the condition holds, `otherwise` (in YAML: `else`) if not."""

    condition: Expression
    do: tuple[Block, ...]
    otherwise: tuple[Block, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Each:
    """`{each: [first, second]}`: every output of `first` since the pass around the record began, in order.

    Each is joined with the next output of `second`, whose fields are null if it did not run.
    """

    first: str
    second: str | None


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """`record: TYPE / as: …`: make a record and hand it to the journal and to the memories of its type.

    `key` names the block among the workflow's records: `record TYPE`, for further blocks `record TYPE 2` and so on.
    """

    record: str
    key: str
    values: Mapping[str, Expression | Each] = field(hash=False)
    span: Span = field(hash=False)


Block: TypeAlias = NodeBlock | Repeat | Map | When | RecordBlock


def walk(blocks: Sequence[Block], around: tuple[str, ...] = ()) -> Iterator[tuple[Block, tuple[str, ...]]]:
    """Every block in reading order, with the names of the loops around it, outermost first."""
    for block in blocks:
        yield block, around
        match block:
            case Repeat(name=name, do=do) | Map(name=name, do=do):
                yield from walk(do, (*around, name))
            case When(do=do, otherwise=otherwise):
                yield from walk(do, around)
                yield from walk(otherwise, around)
