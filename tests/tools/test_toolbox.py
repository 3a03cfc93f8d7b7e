import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from ste_graph.contracts import Observation
from ste_graph.tools.policy import ToolPolicy
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.toolbox import Toolbox


def box(*functions: Callable[..., Any], effect="read", dry_run=False, **policy) -> Toolbox:
    tools = [FunctionTool.of(function.__name__, function, effect) for function in functions]
    return Toolbox(tools, ToolPolicy(**policy), dry_run=dry_run)


class Counted:
    """A function that counts its calls."""

    def __init__(self):
        self.calls = 0

    def function(self) -> Callable[[int], int]:
        def double(n: int) -> int:
            self.calls += 1
            return 2 * n

        return double


async def answer(function, arguments=None, **policy) -> tuple[str, str]:
    observation = await box(function, **policy).call(function.__name__, arguments or {})
    assert observation.ok == (observation.kind == "ok")
    return observation.kind, observation.text


async def test_a_right_call_gives_what_the_tool_gave_and_how_long_it_took():
    def wait(n: int) -> int:
        time.sleep(0.02)
        return n + 1

    observation = await box(wait).call("wait", {"n": 1})
    assert observation == Observation(ok=True, kind="ok", text="2", ms=observation.ms)
    assert 20 <= observation.ms < 1000


async def test_an_unknown_tool_is_answered_with_the_known_tools():
    def weather(): ...
    def places(): ...

    assert await box(weather, places).call("wether", {}) == Observation(
        ok=False, kind="unknown_tool", text="There is no tool `wether`. Did you mean `weather`? Tools: places, weather."
    )
    assert (await box().call("x", {})).text == "There is no tool `x`. Tools: none."


async def test_wrong_arguments_are_answered_before_the_policy_and_never_reach_the_tool():
    counted = Counted()
    tools = box(counted.function(), effect="write")
    wrong = await tools.call("double", {"n": "two"})
    assert wrong.kind == "invalid_arguments"
    assert wrong.text == 'Invalid arguments for `double`:\n- `n`: expected integer; got "two"'
    right = await tools.call("double", {"n": 2})
    assert right == Observation(
        ok=False,
        kind="refused",
        text="`double` was not called: its effect is write, which this run does not allow. "
        "To allow it: allow: [double]",
    )
    assert counted.calls == 0
    assert tools.callable_names == ()


async def test_a_dry_run_checks_everything_but_does_not_call():
    counted = Counted()
    tools = box(counted.function(), dry_run=True)
    assert (await tools.call("double", {"n": None})).kind == "invalid_arguments"
    assert await tools.call("double", {"n": 2}) == Observation(
        ok=False, kind="refused", text="`double` was not called: this is a dry run. The arguments are valid."
    )
    assert counted.calls == 0


async def test_the_cap_counts_calls_that_reached_the_tool_in_this_or_an_earlier_process():
    counted = Counted()
    tools = box(counted.function(), calls=2)
    tools.count_replayed("double", Observation(ok=False, kind="interrupted", text=""))
    tools.count_replayed("double", Observation(ok=False, kind="refused", text=""))
    seen = [await tools.call("double", arguments) for arguments in ({}, {"n": 1}, {"n": 2})]
    assert [item.kind for item in seen] == ["invalid_arguments", "ok", "refused"]
    assert seen[2].text == "`double` was not called: its calls are limited to 2, which were made."
    assert counted.calls == 1


async def test_two_tools_of_one_name_are_both_usable():
    def look() -> str:
        return "here"

    first = FunctionTool.of("look", look, "read")
    tools = Toolbox([first, FunctionTool.of("look", lambda: "there", "read")])
    assert tools.callable_names == ("look", "look_2")
    assert [(await tools.call(name, {})).text for name in tools.callable_names] == ["here", "there"]


async def test_any_exception_of_a_tool_is_an_observation():
    def fails():
        raise KeyError("no such city")

    def silent():
        raise ValueError

    def exits():
        sys.exit(3)

    def interrupts():
        raise KeyboardInterrupt

    def recurses():
        return recurses()

    def stops():
        raise StopIteration(4)

    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    def mute():
        raise MuteError

    async def exits_too():
        sys.exit(3)

    class PanicException(BaseException):
        """As a library in Rust raises it: no `Exception`."""

    async def panics():
        raise PanicException("index out of bounds")

    async def cancels():
        raise asyncio.CancelledError

    async def times_out():
        raise TimeoutError("of its own")

    functions = (fails, silent, exits, interrupts, stops, mute, exits_too, panics, cancels, times_out)
    assert [await answer(function) for function in functions] == [
        ("tool_error", "KeyError: 'no such city'"),
        ("tool_error", "ValueError"),
        ("tool_error", "SystemExit: 3"),
        ("tool_error", "KeyboardInterrupt"),
        ("tool_error", "StopIteration: 4"),
        ("tool_error", "MuteError"),
        ("tool_error", "SystemExit: 3"),
        ("tool_error", "PanicException: index out of bounds"),
        ("tool_error", "CancelledError"),
        ("tool_error", "TimeoutError: of its own"),
    ]
    kind, text = await answer(recurses)
    assert kind == "tool_error"
    assert text.startswith("RecursionError: maximum recursion depth exceeded")


async def test_a_value_that_only_the_python_type_refuses_is_an_invalid_argument():
    from typing import Annotated

    from pydantic import AfterValidator

    def even(n: int) -> int:
        if n % 2:
            raise ValueError("odd numbers are not served")
        return n

    def half(n: Annotated[int, AfterValidator(even)]) -> int:
        return n // 2

    assert await answer(half, {"n": 3}) == (
        "invalid_arguments",
        "Invalid arguments for `half`:\n- `n`: Value error, odd numbers are not served; got 3",
    )


async def test_a_tool_that_hangs_is_left_behind_at_once_and_others_go_on():
    released = threading.Event()

    def hangs():
        released.wait(20)

    async def hangs_too():
        await asyncio.sleep(20)

    def works() -> str:
        return "fine"

    tools = box(hangs, hangs_too, works, timeout_s=0.1)
    started = time.monotonic()
    slow, slow_too, fine = await asyncio.gather(*(tools.call(name, {}) for name in tools.callable_names))
    released.set()
    assert time.monotonic() - started < 5
    assert (slow.kind, slow.text) == ("timeout", "`hangs` did not answer within 0.1 s.")
    assert (slow_too.kind, slow_too.text) == ("timeout", "`hangs_too` did not answer within 0.1 s.")
    assert fine.text == "fine"


async def test_a_run_that_is_stopped_during_a_call_is_stopped():
    async def hangs():
        await asyncio.sleep(20)

    task = asyncio.create_task(box(hangs).call("hangs", {}))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_hanging_tool_does_not_keep_the_program_from_ending():
    program = (
        "import asyncio, time\n"
        "from ste_graph.tools.python.function import FunctionTool\n"
        "from ste_graph.tools.policy import ToolPolicy\n"
        "from ste_graph.tools.toolbox import Toolbox\n"
        "def hangs(): time.sleep(60)\n"
        "tools = Toolbox([FunctionTool.of('hangs', hangs, 'read')], ToolPolicy(timeout_s=0.1))\n"
        "print(asyncio.run(tools.call('hangs', {})).kind)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == "timeout\n"


async def test_ten_megabytes_are_cut_to_the_limit_with_head_and_tail():
    def floods() -> str:
        return "first" + "-" * 10_000_000 + "last"

    observation = await box(floods, characters=1000).call("floods", {})
    assert observation.truncated
    assert 950 < len(observation.text) <= 1000
    assert observation.text.startswith("first---")
    assert observation.text.endswith("---last")
    assert "\n[… 9,999,057 characters left out …]\n" in observation.text


async def test_odd_results_have_a_text():
    def raw() -> bytes:
        return b"\xff\xfe"

    def nothing_but_nan() -> dict[str, float]:
        return {"value": float("nan")}

    def half_a_letter() -> str:
        return "\udc80"

    def nothing() -> None:
        print("a print is not a result")

    functions = (raw, nothing_but_nan, half_a_letter, nothing)
    assert [await answer(function) for function in functions] == [
        ("ok", "<2 bytes that are not UTF-8 text, starting ff fe>"),
        ("ok", '{"value":NaN}'),
        ("ok", "\\udc80"),
        ("ok", "null"),
    ]


async def test_a_schema_that_is_wrong_is_reported_and_the_tool_stays_usable():
    from dataclasses import replace

    def look(n: int) -> int:
        return n

    tools = Toolbox([replace(FunctionTool.of("look", look, "read"), parameters={"type": 3})])
    assert tools.faults == ()
    assert (await tools.call("look", {"n": 1})).text == "1"
    assert tools.faults == ("the schema of `look` is not valid JSON Schema at `type`, 3, which is left out",)


async def test_a_call_costs_little():
    async def nothing(date: str, days: int) -> None: ...

    tools, spent = box(nothing), []
    for _ in range(100):
        started = time.perf_counter()
        await tools.call("nothing", {"date": "2024-02-28", "days": 3})
        spent.append(time.perf_counter() - started)
    assert median(spent) < 0.05  # a safeguard only: the figure itself is measured in tests/bench
