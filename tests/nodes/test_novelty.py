import pytest
from pydantic import ValidationError

from ste_graph.contracts import Entry, Near
from ste_graph.nodes.novelty import Novelty


def near(similarity: float) -> Near:
    return Near(similarity=similarity, entry=Entry(id="a", scope="s", text="an old one", record={}))


@pytest.mark.parametrize(
    ("similarity", "new"), [(-0.2, True), (0.0, True), (0.89, True), (0.9, False), (0.95, False), (1.0, False)]
)
async def test_a_request_is_new_below_the_threshold(recall, session, similarity: float, new: bool) -> None:
    memory = recall(near(similarity), near(-1.0))
    given = await Novelty(memory=memory)(Novelty.See(query="a new one").within(session()))
    assert given.model_dump() == {"new": new, "similarity": similarity}
    assert memory.asked == [("a new one", 1)]


async def test_everything_is_new_to_a_memory_that_is_off_or_empty(recall, session) -> None:
    given = await Novelty(memory=recall(), threshold=-1)(Novelty.See(query="any").within(session()))
    assert given.model_dump() == {"new": True, "similarity": None}


@pytest.mark.parametrize("threshold", [-1.1, 1.1])
def test_a_threshold_that_no_similarity_can_reach_is_refused(recall, threshold: float) -> None:
    with pytest.raises(ValidationError):
        Novelty(memory=recall(), threshold=threshold)
