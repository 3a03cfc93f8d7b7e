"""The number of requests in flight: the gateway's own rules against servers in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from ste_graph.contracts import ModelRequest, Usage
from ste_graph.errors import ModelError
from ste_graph.models.gateway import Gateway
from ste_graph.models.limiter import LimitChange, Limiter
from ste_graph.models.limiters import Limiters
from ste_graph.models.meter import Meter
from ste_graph.models.notes import ServerNotes
from ste_graph.models.openai import OpenAIModel
from tests.models.virtual_time import SlotModel, SlotServer, run_in_virtual_time

REPLIES = 40


@dataclass
class Result:
    """The outcome of units that ask one after another."""

    failed: int = 0
    seconds: float = 0.0
    limit: int = 0
    changes: list[LimitChange] = field(default_factory=list)
    retries: int = 0

    @property
    def limits(self) -> list[int]:
        return [change.after for change in self.changes]


def simulate(server: SlotServer, units: int, replies: int = REPLIES, concurrency: int | None = None) -> Result:
    """Let units ask for replies through one gateway, each for one at a time."""
    result = Result()

    class Changes(ServerNotes):
        def change_limit(self, server: str, change: LimitChange) -> None:
            result.changes.append(change)

    async def main() -> None:
        adapter = SlotModel(server=server)
        limiter = await Limiters(concurrency).find(adapter)
        gateway = Gateway(adapter, limiter=limiter, meter=Meter(), notes=Changes())

        async def run_unit(unit: int) -> None:
            try:
                for number in range(replies):
                    await gateway.reply(ModelRequest(messages=[], seed=unit + number))
            except ModelError:
                result.failed += 1

        await asyncio.gather(*map(run_unit, range(units)))
        result.seconds = asyncio.get_running_loop().time()
        result.limit, result.retries = limiter.limit, gateway.meter.retries

    run_in_virtual_time(main())
    return result


def ideal(server: SlotServer, units: int, replies: int = REPLIES) -> float:
    return units * replies * server.seconds / min(server.slots, units)


@pytest.mark.parametrize("parts", [(1.0,), (0.2, 1.0, 1.8)])
@pytest.mark.parametrize("concurrency", [None, 64])
@pytest.mark.parametrize(
    ("units", "slots", "seconds"), [(12, 1, 5), (12, 1, 10), (12, 1, 15), (12, 1, 36), (50, 4, 15), (64, 64, 0.5)]
)
def test_no_unit_fails_and_the_slots_are_busy(units, slots, seconds, concurrency, parts) -> None:
    server = SlotServer(slots, seconds, parts=parts)
    result = simulate(server, units, concurrency=concurrency)
    assert result.failed == 0
    assert ideal(server, units) / result.seconds > 0.85


def test_a_server_that_tells_its_slots_is_asked_for_no_more_and_nobody_waits_there() -> None:
    server = SlotServer(1, 36, tells_slots=True)
    result = simulate(server, 12)
    assert (result.failed, result.retries, result.changes, server.most) == (0, 0, [], 1)


def test_the_limit_doubles_on_a_server_that_batches_though_each_reply_is_slower() -> None:
    server = SlotServer(64, 2, batching=1 / 64)
    result = simulate(server, 64)
    assert (result.limits, result.retries) == ([8, 16, 32, 64], 0)
    assert {change.reason for change in result.changes} == {"replies keep their pace"}


def test_slower_replies_end_the_doubling_and_halve_nothing() -> None:
    result = simulate(SlotServer(6, 1), 64)
    assert (result.limits, result.retries) == ([8, 16], 0)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("abort", "units"), [(False, 12), (True, 12), (True, 50)])
@pytest.mark.parametrize("concurrency", [None, 64])
def test_a_server_that_refuses_what_is_too_much_is_asked_for_less(status, abort, units, concurrency) -> None:
    server = SlotServer(2, 2, room=3, full=status, abort=abort)
    result = simulate(server, units, concurrency=concurrency)
    assert result.failed == 0
    assert any(change.overload for change in result.changes)
    assert 1 <= result.limit <= 4
    assert ideal(server, units) / result.seconds > 0.6


def test_after_an_overload_the_limit_rises_again_one_by_one() -> None:
    server = SlotServer(64, 1, room=24)
    result = simulate(server, 64, replies=100)
    assert result.failed == 0
    first = next(number for number, change in enumerate(result.changes) if change.overload)
    later = result.changes[first + 1 :]
    assert later
    assert all(change.overload or change.after == change.before + 1 for change in later)
    assert min(result.limits[first:]) >= 12
    assert 16 <= result.limit <= 32


def test_a_limit_is_never_below_one() -> None:
    server = SlotServer(1, 400)
    result = simulate(server, 3, replies=1)
    assert result.limit == 1


def test_a_request_that_was_alone_has_no_longer_time_and_one_in_company_has_twice_as_much() -> None:
    server = SlotServer(1, 180)

    async def ask(limiter: Limiter, seeds: range) -> int:
        gateway = Gateway(SlotModel(server=server), limiter=limiter, meter=Meter())
        await asyncio.gather(*(gateway.reply(ModelRequest(messages=[], seed=seed)) for seed in seeds))
        return gateway.meter.retries

    with pytest.raises(ModelError, match="gave no reply in 6 tries; the last one: no answer in time"):
        run_in_virtual_time(ask(Limiter(1), range(1)))
    server = SlotServer(2, 180)
    assert run_in_virtual_time(ask(Limiter(2), range(2))) == 2


async def test_places_are_given_first_come_first_served_and_a_cancelled_one_is_not_lost() -> None:
    limiter, order = Limiter(1), []

    async def take(number: int) -> None:
        await limiter.acquire()
        order.append(number)
        await asyncio.sleep(0)
        limiter.release()

    await limiter.acquire()
    tasks = [asyncio.create_task(take(number)) for number in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    limiter.release()
    tasks[0].cancel()  # in the moment in which it was given the place
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [2, 3]
    await asyncio.wait_for(limiter.acquire(), 1)


async def test_all_that_wait_may_be_cancelled_with_the_one_that_has_the_place() -> None:
    limiter = Limiter(1)

    async def take() -> None:
        await limiter.acquire()
        try:
            await asyncio.sleep(60)
        finally:
            limiter.release()

    tasks = [asyncio.create_task(take()) for _ in range(4)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 4
    await asyncio.wait_for(limiter.acquire(), 1)


async def test_one_burst_of_failures_halves_once() -> None:
    limiter = Limiter(8)
    places = [await limiter.acquire() for _ in range(8)]
    changes = [limiter.reduce(place, "503") for place in places]
    assert [change and change.after for change in changes] == [4] + [None] * 7
    assert limiter.succeed(places[0], Usage()) is None


async def test_models_of_one_server_share_its_limiter() -> None:
    limiters = Limiters(5)
    first = await limiters.find(OpenAIModel(base_url="http://127.0.0.1:1/v1", model="a"))
    same = await limiters.find(OpenAIModel(base_url="http://127.0.0.1:1/v2", model="b"))
    other = await limiters.find(OpenAIModel(base_url="http://127.0.0.1:2/v1", model="a"))
    assert first is same is not other
    assert (first.limit, first.ceiling) == (5, 5)
