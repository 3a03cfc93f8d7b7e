from collections import Counter
from itertools import pairwise, permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ste_graph.memory.experience.shuffling import shuffle_words
from ste_graph.memory.vectors.similarity import select_diverse, select_nearest


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@st.composite
def memories(draw):
    """Unit vectors with ids; some rows stand more than once."""
    count = draw(st.integers(1, 12))
    rows = draw(arrays(np.float32, (count, 3), elements=st.sampled_from([-1.0, -0.5, 0.25, 1.0])))
    ids = draw(st.permutations([f"id{i:02}" for i in range(count)]))
    return unit(rows), ids


def test_nearest_gives_the_most_similar_first_and_ties_by_id():
    vectors = unit([[0, 1], [1, 0], [1, 0], [1, 1]])
    assert select_nearest(vectors, ["d", "c", "b", "a"], unit([[1, 0]])[0], 3) == [(2, 1.0), (1, 1.0), (3, 0.7071)]


def test_diverse_takes_the_newest_then_the_farthest_and_shows_them_in_order_of_adding():
    vectors = unit([[1, 0], [1, 0.1], [0, 1], [1, 0.05]])
    assert select_diverse(vectors, ["a", "b", "c", "d"], 1) == [3]
    assert select_diverse(vectors, ["a", "b", "c", "d"], 2) == [2, 3]
    assert select_diverse(vectors, ["a", "b", "c", "d"], 9) == [0, 1, 2, 3]


@given(memories(), st.integers(0, 14))
def test_diverse_chooses_as_the_definition_says(memory, k):
    vectors, ids = memory
    gram = np.round((vectors @ vectors.T).astype(float), 4)
    expected = [len(ids) - 1] if k else []
    while len(expected) < min(k, len(ids)):
        rest = [row for row in range(len(ids)) if row not in expected]
        expected.append(min(rest, key=lambda row: (max(gram[row, chosen] for chosen in expected), ids[row])))
    assert select_diverse(vectors, ids, k) == sorted(expected)


@pytest.mark.parametrize("seed", range(10))
def test_the_same_text_embedded_in_another_batch_is_as_near(seed):
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(5, 8))).repeat(4, axis=0)
    noisy = vectors + random.uniform(-1e-7, 1e-7, vectors.shape).astype(np.float32)
    ids = [f"id{i:02}" for i in random.permutation(len(vectors))]
    rows = [row for row, _ in select_nearest(vectors, ids, vectors[0], 20)]
    assert [row for row, _ in select_nearest(noisy, ids, vectors[0], 20)] == rows
    assert select_diverse(noisy, ids, 7) == select_diverse(vectors, ids, 7)


texts = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "dd", "Is", "it"]), max_size=5).map(" ".join), max_size=8
)  # fmt: skip


def survivors(originals, shown):
    """The originals of two or more distinct words that stand, as texts or inside them, in `shown`."""
    whole = {text for text in originals if len(set(text.split())) > 1}
    return [text for text in whole if any(f" {text} " in f" {line} " for line in shown)]


@given(texts, st.integers(0, 2**63))
def test_shuffled_keeps_count_words_and_length(originals, seed):
    shown = shuffle_words(originals, seed)
    assert [len(text.split()) for text in shown] == [len(text.split()) for text in originals]
    assert Counter(" ".join(shown).split()) == Counter(" ".join(originals).split())
    assert sum(map(len, shown)) == sum(map(len, originals))
    assert shuffle_words(originals, seed) == shown


few_words = st.lists(st.lists(st.sampled_from("abc"), max_size=3).map(" ".join), max_size=4).filter(
    lambda some: len(" ".join(some).split()) <= 6
)


@given(few_words, st.integers(0, 2**32))
def test_shuffled_lets_no_request_survive_wherever_the_words_allow_that(originals, seed):
    words = " ".join(originals).split()
    shape = [len(text.split()) for text in originals]

    def dealt(order):
        cuts = np.cumsum([0, *shape]).tolist()
        return [" ".join(order[a:b]) for a, b in pairwise(cuts)]

    possible = any(not survivors(originals, dealt(order)) for order in set(permutations(words)))
    assert bool(survivors(originals, shuffle_words(originals, seed))) != possible


@pytest.mark.parametrize("seed", range(20))
def test_no_real_request_survives_the_shuffle(seed):
    requests = [
        "How many days are left until Christmas this year?",
        "Convert 20 miles to kilometres",
        "Convert 5 miles to metres",
        "hello there",
        "Hello!",
        "hello there",
        "What time is it in Tokyo when it is 9 am in Lima?",
    ]
    assert survivors(requests, shuffle_words(requests, seed)) == []


def test_a_single_request_is_shuffled_within_itself_and_one_word_stays():
    assert shuffle_words(["a  b"], 0) == ["b  a"]
    assert shuffle_words(["same same"], 0) == ["same same"]
    assert shuffle_words([], 0) == []


def test_a_thousand_requests_are_shuffled_at_once():
    random = Random(0)
    requests = [" ".join(random.choices("abcdefghij", k=random.randint(2, 12))) for _ in range(1000)]
    shown = shuffle_words(requests, 1)
    assert not {tuple(text.split()) for text in shown} & {
        tuple(text.split()) for text in requests if len(set(text.split())) > 1
    }
