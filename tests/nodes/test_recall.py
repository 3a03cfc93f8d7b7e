from collections.abc import Sequence

from ste_graph.contracts import Entry, Neighbour, Origin, SelectedExemplars, Selection
from ste_graph.nodes.recall import Recall


class ExemplarView:
    """A memory that lends the same exemplar whatever it is asked, and keeps what that was."""

    def __init__(self) -> None:
        self.asked = []

    async def nearest(self, text: str, k: int = 1) -> list[Neighbour]:
        raise AssertionError("the node asks for exemplars")

    async def entries(self) -> list[Entry]:
        raise AssertionError("the node asks for exemplars")

    async def select_exemplars(
        self, query: str, selection: Selection, *, tools: Sequence[str] | None
    ) -> SelectedExemplars:
        self.asked.append((query, selection, tools))
        others = SelectedExemplars(text="User Query: y", exemplars=[{"id": "2", "query": "y"}])
        origin = Origin(run_id="7", run="runs/distil")
        return SelectedExemplars(
            text="User Query: x", exemplars=[{"id": "1", "query": "x"}], origin=origin, placebo=others
        )


async def test_recall_gives_what_a_prompt_shows_and_the_exemplars_themselves():
    memory = ExemplarView()
    gives = await Recall(memory=memory, k=3, tokens=500)(Recall.Inputs(query="rain?"), None)
    assert (gives.examples, gives.exemplars) == ("User Query: x", [{"id": "1", "query": "x"}])
    assert (gives.ids, gives.origin) == (["1"], {"run_id": "7", "run": "runs/distil", "without": None})
    (query, selection, tools) = memory.asked[0]
    assert (query, tools) == ("rain?", None)
    assert selection == Selection(k=3, tokens=500)


async def test_recall_offers_the_tools_that_it_reads_or_the_one_at_hand():
    memory = ExemplarView()
    recall = Recall(memory=memory)
    await recall(Recall.Inputs(query="rain?", tools=["a", {"name": "b"}], tool={"name": "c"}), None)
    await recall(Recall.Inputs(query="rain?", tool={"name": "c", "effect": "read"}), None)
    await recall(Recall.Inputs(query="rain?", tools=[]), None)
    assert [tools for _, _, tools in memory.asked] == [["a", "b"], ["c"], []]


async def test_recall_gives_a_placebo_if_it_is_to_draw_one():
    memory = ExemplarView()
    gives = await Recall(memory=memory, placebo=True, seed=3, allow_same_request=False)(
        Recall.Inputs(query="rain?"), None
    )
    assert (gives.placebo, gives.placebo_ids) == ("User Query: y", ["2"])
    (_, selection, _) = memory.asked[0]
    assert selection == Selection(placebo=3, allow_same_request=False)
