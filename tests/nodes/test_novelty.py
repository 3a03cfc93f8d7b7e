import pytest
from pydantic import ValidationError

from ste_graph.contracts import Entry, Neighbour
from ste_graph.nodes.novelty import Novelty


def near(similarity: float, text: str = "an old one") -> Neighbour:
    return Neighbour(similarity=similarity, entry=Entry(id="a", scope=("s",), text=text, record={}))


@pytest.mark.parametrize(
    ("similarity", "new"), [(-0.2, True), (0.0, True), (0.89, True), (0.9, False), (0.95, False), (1.0, False)]
)
async def test_a_request_is_new_below_the_threshold(recall, context, similarity: float, new: bool) -> None:
    memory = recall(near(similarity), near(-1.0))
    given = await Novelty(memory=memory)(Novelty.Inputs(query="a new one"), context())
    assert given.model_dump() == {"new": new, "similarity": similarity, "near": [] if new else ["an old one"]}
    assert memory.asked == [("a new one", 3)]


@pytest.mark.parametrize(("k", "shown"), [(0, []), (1, ["first"]), (2, ["first", "second"]), (5, ["first", "second"])])
async def test_the_requests_that_it_came_too_close_to_are_given_the_nearest_first(
    recall, context, k: int, shown: list[str]
) -> None:
    memory = recall(near(1.0, "first"), near(0.9, "second"), near(0.8, "far"))
    given = await Novelty(memory=memory, k=k)(Novelty.Inputs(query="again"), context())
    assert given.model_dump() == {"new": False, "similarity": 1.0, "near": shown}


async def test_everything_is_new_to_a_memory_that_is_off_or_empty(recall, context) -> None:
    given = await Novelty(memory=recall(), threshold=-1)(Novelty.Inputs(query="any"), context())
    assert given.model_dump() == {"new": True, "similarity": None, "near": []}


@pytest.mark.parametrize("threshold", [-1.1, 1.1])
def test_a_threshold_that_no_similarity_can_reach_is_refused(recall, threshold: float) -> None:
    with pytest.raises(ValidationError):
        Novelty(memory=recall(), threshold=threshold)
