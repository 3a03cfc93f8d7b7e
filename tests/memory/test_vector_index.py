import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.memory.exemplars.backends.log import ExemplarRow
from ste_graph.memory.exemplars.search.searchable import Wanted
from ste_graph.memory.exemplars.search.vector_index import VectorIndex

GATES = frozenset({"format", "execution", "grounding"})


@st.composite
def rankings(draw):
    """A ranking filled in pieces, its rows and vectors; few different vectors, so that ties are frequent."""
    count = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    few = random.normal(size=(draw(st.integers(1, 30)), 5)).astype(np.float32)
    vectors = few[random.integers(len(few), size=count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    more = draw(st.lists(st.sampled_from(["", "", "", "b", "z"]), min_size=count, max_size=count))
    flags = draw(st.lists(st.sampled_from(["good", "good", "stale", "failed"]), min_size=count, max_size=count))
    ids = random.permutation(count)
    rows = [
        ExemplarRow(
            id=f"{ids[i]:03}",
            tool=names[i],
            tools=frozenset({names[i], more[i]} - {""}),
            gates=frozenset({"format"}) if flags[i] == "failed" else GATES,
            stale=flags[i] == "stale",
            digest="",
            text=0,
        )
        for i in range(count)
    ]
    ranking, cut = VectorIndex(), draw(st.integers(0, count))
    ranking.add(rows[:cut], vectors[:cut])
    ranking.add(rows[cut:], vectors[cut:])
    return ranking, rows, vectors, random.normal(size=(draw(st.sampled_from([1, 40])), 5)).astype(np.float32)


def expected(rows, vectors, query, k, tools, gates):
    fitting = [
        (-round(float(np.clip(vector @ query, -1, 1)), 6), row.id)
        for row, vector in zip(rows, vectors, strict=True)
        if (tools is None or row.tools <= set(tools)) and (gates is None or (gates <= row.gates and not row.stale))
    ]
    return sorted(fitting)[:k]


def as_set(tools):
    return None if tools is None else frozenset(tools)


@settings(max_examples=200, deadline=None)
@given(
    rankings(),
    st.integers(0, 12),
    st.sampled_from([None, [], ["a"], ["a", "b"], ["b", "z"]]),
    st.sampled_from([None, GATES]),
)
def test_what_is_found_is_what_comparing_everything_finds(made, k, tools, gates):
    ranking, rows, vectors, queries = made
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    found = ranking.search(queries, Wanted(k, as_set(tools), gates))
    for query, some in zip(queries, found, strict=True):
        wanted = expected(rows, vectors, query, k, tools, gates)
        assert np.allclose([item.similarity for item in some], [-cosine for cosine, _ in wanted], atol=2e-6)
        by_cosine = {row.id: float(vector @ query) for row, vector in zip(rows, vectors, strict=True)}
        assert all(abs(by_cosine[item.row.id] - item.similarity) < 2e-6 for item in some)
        assert len({item.row.id for item in some}) == len(some)


@settings(max_examples=100, deadline=None)
@given(rankings(), st.integers(1, 4), st.sampled_from([None, [], ["a"], ["a", "b"]]))
def test_by_tool_finds_the_nearest_of_each_tool(made, k, tools):
    ranking, _, _, queries = made
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    whole = ranking.search(queries, Wanted(99, as_set(tools), GATES))
    each = ranking.search(queries, Wanted(k, as_set(tools), GATES, by_tool=True))
    for some, best in zip(whole, each, strict=True):
        for tool in "abc":
            mine = [item for item in best if item.row.tool == tool]
            assert np.allclose(
                [item.similarity for item in mine],
                [item.similarity for item in some if item.row.tool == tool][:k],
                atol=2e-6,
            )
        assert best == sorted(best, key=lambda item: (-item.similarity, item.row.id))
