"""The channels of a unit's state: what each holds at first, and the loop whose next pass empties it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.language.blocks import Each, Map, RecordBlock, Repeat, walk
from ste_graph.language.sections.scope import loops_inside
from ste_graph.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Channel:
    """One value of the state. `lives` is a loop, or the unit's name for what no pass empties."""

    empty: type[list[Json]] | None
    lives: str

    @property
    def initial(self) -> Json:
        """The content of the channel at first and after it was emptied; a list is a new one each time."""
        return None if self.empty is None else self.empty()


def output_channel(node: str, field: str) -> str:
    """The channel of one output of a node."""
    return f"{node}.{field}"


def items_channel(loop: str) -> str:
    """The channel with the items of an inner `map` while it runs."""
    return f"{loop}.items"


def each_channel(each: Each, key: str) -> str:
    """The channel with the entries of an `each`, for the `record` block `key`."""
    return f"each:{'+'.join(filter(None, (each.first, each.second)))}@{key}"


def joined_channel(each: Each, key: str) -> str:
    """The channel that is true once the last entry of an `each` has the outputs of `second`."""
    return f"{each_channel(each, key)}.joined"


def start_channel(key: str) -> str:
    """The channel with the time at which the pass around the `record` block `key` began; the stepper writes it."""
    return f"start:{key}"


def is_each_channel(name: str) -> bool:
    """True for a channel with the entries of an `each`."""
    return name.startswith("each:") and not name.endswith(".joined")


def is_start_channel(name: str) -> bool:
    """True for a channel with the time at which a pass began."""
    return name.startswith(start_channel(""))


def last_channel(loop: str) -> str:
    """The channel with the number of the pass that a loop began last: unlike its counter, it outlives the loop."""
    return f"last:{loop}"


def unit_channels(workflow: Workflow) -> Mapping[str, Channel]:
    """Every channel of a unit's state, by name."""
    return dict(_list_channels(workflow))


def _list_channels(workflow: Workflow) -> Iterator[tuple[str, Channel]]:
    unit = workflow.unit
    yield unit, Channel(None, unit)
    for node in workflow.nodes.values():
        for field in node.outputs.model_fields:
            yield output_channel(node.name, field), Channel(None, node.lives)
    for memory in workflow.memories.values():
        if memory.of is None:
            yield memory.name, Channel(list, memory.lives)
    remembered = {memory.lives for memory in workflow.memories.values() if memory.of is not None}
    holding = {loop for loop, inner in loops_inside(workflow.blocks).items() if inner & remembered}
    for block, around in walk(workflow.blocks):
        lives = around[-1] if around else unit
        if isinstance(block, Repeat | Map) and block.name in holding:
            yield last_channel(block.name), Channel(None, lives)
        match block:
            case Repeat(name=loop):
                yield loop, Channel(None, lives)
            case Map(name=loop):
                yield loop, Channel(None, lives)
                yield items_channel(loop), Channel(list, lives)
            case RecordBlock(key=key, values=values):
                yield start_channel(key), Channel(None, lives)
                for each in values.values():
                    if isinstance(each, Each):
                        yield each_channel(each, key), Channel(list, lives)
                        yield joined_channel(each, key), Channel(None, lives)
