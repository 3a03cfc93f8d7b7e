from collections.abc import Sequence
from typing import Any

import pytest

from ste_graph.contracts import Entry, Json, Neighbour
from ste_graph.nodes.offer import Offer

TOOLS = {"rain": "Whether it rains.", "snow": "Whether it snows.", "add": "Add numbers.", "sing": "Sing a song."}


class Alike:
    """A memory for which texts are the more alike the more letters they begin with in common; empty if it is off."""

    def __init__(self, *, off: bool = False) -> None:
        self.off = off

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        raise AssertionError("the node compares descriptions")

    async def entries(self) -> list[Entry]:
        raise AssertionError("the node compares descriptions")

    async def similarities(self, text: str, others: Sequence[str]) -> list[float]:
        last = {"rain": 4, "snow": 3, "add": 2, "sing": 1}
        return [] if self.off else [last[other.partition(":")[0]] / 10 for other in others]


def tool(name: str, **more: Any) -> dict[str, Json]:
    pool = [
        {"name": other, "description": said, "parameters": {"type": "object"}} for other, said in TOOLS.items()
    ]  # fmt: skip
    return {"name": name, "pool": pool, "neighbours": None, **more}


async def names(offer: Offer, of: dict[str, Json]) -> list[str]:
    gives = await offer(Offer.Inputs(tool=of), None)
    assert [item["name"] for item in gives.tools] == gives.names
    assert all(item["parameters"] is not None for item in gives.tools)
    return gives.names


async def test_all_tools_of_the_test_are_offered_in_its_order_with_every_request() -> None:
    assert await names(Offer(), tool("add")) == await names(Offer(), tool("sing")) == [*TOOLS]


async def test_the_nearest_tools_are_offered_and_the_right_one_among_them_at_a_drawn_place() -> None:
    places = set()
    for seed in range(20):
        found = await names(Offer(among="nearest", k=3, memory=Alike(), seed=seed), tool("sing"))
        assert [name for name in found if name != "sing"] == ["rain", "snow"]
        places.add(found.index("sing"))
    assert places == {0, 1, 2}


async def test_the_place_of_the_right_tool_is_the_same_each_time() -> None:
    offer = Offer(among="nearest", k=3, memory=Alike(), seed=7)
    assert await names(offer, tool("add")) == await names(offer, tool("add"))


async def test_no_more_are_offered_than_there_are_and_never_fewer_than_the_right_one() -> None:
    assert set(await names(Offer(among="nearest", k=99, memory=Alike()), tool("add"))) == {*TOOLS}
    assert await names(Offer(among="nearest", k=1, memory=Alike()), tool("add")) == ["add"]


async def test_listed_neighbours_are_offered_as_they_stand_and_the_right_tool_is_put_in_if_it_is_not_among_them() -> (
    None
):
    offer = Offer(among="listed")
    assert await names(offer, tool("add", neighbours=["snow", "add", "rain"])) == ["snow", "add", "rain"]
    put_in = await names(offer, tool("add", neighbours=["snow", "rain"]))
    assert sorted(put_in) == ["add", "rain", "snow"]
    assert [name for name in put_in if name != "add"] == ["snow", "rain"]


@pytest.mark.parametrize("memory", [None, Alike(off=True)])
async def test_nearest_without_a_memory_that_can_compare_is_refused(memory: Alike | None) -> None:
    with pytest.raises(ValueError, match="compares descriptions: name a memory in `memory`, one that is not off"):
        await names(Offer(among="nearest", memory=memory), tool("add"))


async def test_listed_without_a_list_is_refused() -> None:
    with pytest.raises(ValueError, match="`among: listed` needs `neighbours`, a file, in the data"):
        await names(Offer(among="listed"), tool("add"))


async def test_a_tool_that_the_test_does_not_describe_is_described_by_the_workflow(context: type) -> None:
    of = {"name": "add", "pool": [{"name": "add", "description": "", "parameters": None}], "neighbours": None}
    with_tools = context()
    with_tools.tools = {"add": {"name": "add", "description": "Add.", "parameters": {"type": "object"}}}
    gives = await Offer()(Offer.Inputs(tool=of), with_tools)
    assert gives.tools == [{"name": "add", "description": "Add.", "parameters": {"type": "object"}}]
    with_tools.tools = {}
    with pytest.raises(ValueError, match="the tool `add` has no description"):
        await Offer()(Offer.Inputs(tool=of), with_tools)
