from hypothesis import given
from hypothesis import strategies as st

from ste_graph.training.bunches import Bunches


@given(st.lists(st.integers(1, 200), min_size=1, max_size=400), st.integers(1, 32), st.integers(), st.integers(0, 9))
def test_every_row_comes_once_an_epoch_in_an_order_that_seed_and_epoch_decide(
    lengths: list[int], batch: int, seed: int, epoch: int
) -> None:
    orders = []
    for _ in range(2):
        sampler = Bunches(lengths, batch, seed=seed)
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert sorted(orders[0]) == list(range(len(lengths)))
    assert orders[0] == orders[1]


def test_rows_of_like_length_meet_in_a_batch() -> None:
    lengths = [10, 100] * 64
    sampler = Bunches(lengths, 16, seed=0)
    order = list(sampler)
    padded = sum(max(lengths[row] for row in order[at : at + 16]) * 16 for at in range(0, len(order), 16))
    assert padded <= 1.25 * sum(lengths)
    sampler.set_epoch(1)
    assert list(sampler) != order
