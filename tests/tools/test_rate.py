import asyncio

from ste_graph.tools.rate import RateLimiter


class Time:
    """A clock that moves only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_a_tool_never_gets_more_calls_in_a_minute_than_its_rate() -> None:
    time = Time()
    rate = RateLimiter(3, clock=time, sleep=time.sleep)
    begun = []
    for pause in (0, 10, 10, 0, 0, 50, 0):
        time.now += pause
        await rate.wait_turn("look")
        begun.append(time.now)
    assert begun == [0, 10, 20, 60, 70, 120, 120]


async def test_tools_do_not_wait_for_one_another_and_without_a_rate_nobody_waits() -> None:
    time = Time()
    rate = RateLimiter(1, clock=time, sleep=time.sleep)
    await asyncio.gather(rate.wait_turn("look"), rate.wait_turn("find"))
    assert time.now == 0
    free = RateLimiter(None, clock=time, sleep=time.sleep)
    await asyncio.gather(*(free.wait_turn("look") for _ in range(100)))
    assert time.now == 0


async def test_calls_that_wait_for_a_tool_are_made_in_order() -> None:
    time = Time()
    rate = RateLimiter(1, clock=time, sleep=time.sleep)
    served = []

    async def caller(name: int) -> None:
        await rate.wait_turn("look")
        served.append((name, time.now))

    await asyncio.gather(*(caller(name) for name in range(3)))
    assert served == [(0, 0.0), (1, 60.0), (2, 120.0)]
