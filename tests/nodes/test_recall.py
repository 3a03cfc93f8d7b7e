from collections.abc import Mapping, Sequence

from ste_graph.contracts import Entry, Near, Origin, Shown
from ste_graph.nodes.recall import Recall


class Lent:
    """A memory that lends the same exemplar whatever it is asked, and keeps what that was."""

    def __init__(self) -> None:
        self.asked = []

    async def nearest(self, text: str, k: int = 1) -> list[Near]:
        raise AssertionError("the node asks for exemplars")

    async def entries(self) -> list[Entry]:
        raise AssertionError("the node asks for exemplars")

    async def lent(self, query: str, *, choice: Mapping, tools: Sequence[str] | None) -> Shown:
        self.asked.append((query, dict(choice), tools))
        others = Shown(text="User Query: y", exemplars=[{"id": "2", "query": "y"}])
        origin = Origin(run_id="7", run="runs/distil")
        return Shown(text="User Query: x", exemplars=[{"id": "1", "query": "x"}], origin=origin, placebo=others)


async def test_recall_gives_what_a_prompt_shows_and_the_exemplars_themselves():
    memory = Lent()
    gives = await Recall(memory=memory, k=3, tokens=500)(Recall.See(query="rain?"))
    assert (gives.examples, gives.exemplars) == ("User Query: x", [{"id": "1", "query": "x"}])
    assert (gives.ids, gives.origin) == (["1"], {"run_id": "7", "run": "runs/distil", "without": None})
    (query, choice, tools) = memory.asked[0]
    assert (query, tools) == ("rain?", None)
    assert choice == {
        "k": 3, "per_tool": None, "contrast": False, "order": "most_similar_last", "tokens": 500,
        "gates": ["format", "execution"], "observations": True, "twins": True, "paper": False,
    }  # fmt: skip


async def test_recall_offers_the_tools_that_it_reads_or_the_one_at_hand():
    memory = Lent()
    recall = Recall(memory=memory)
    await recall(Recall.See(query="rain?", tools=["a", {"name": "b"}], tool={"name": "c"}))
    await recall(Recall.See(query="rain?", tool={"name": "c", "effect": "read"}))
    await recall(Recall.See(query="rain?", tools=[]))
    assert [tools for _, _, tools in memory.asked] == [["a", "b"], ["c"], []]


async def test_recall_gives_a_placebo_if_it_is_to_draw_one():
    memory = Lent()
    gives = await Recall(memory=memory, placebo=True, seed=3, twins=False)(Recall.See(query="rain?"))
    assert (gives.placebo, gives.placebo_ids) == ("User Query: y", ["2"])
    (_, choice, _) = memory.asked[0]
    assert (choice["placebo"], choice["twins"]) == (3, False)
