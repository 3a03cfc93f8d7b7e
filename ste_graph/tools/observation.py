"""Observations of the results and exceptions of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ste_graph.contracts import Observation
from ste_graph.tools.text import as_text, replace_surrogates
from ste_graph.tracebacks import collect_error


def observe_call(call: Callable[[], Any]) -> Observation:
    """The observation of a call that is made right here; nothing that the call raises gets past it."""
    try:
        return Observation(ok=True, kind="ok", text=as_text(call()))
    except BaseException as error:  # in a tool's own thread, SystemExit is one more way to fail
        return observe_exception(error)


def observe_fault(error: BaseException) -> Observation:
    """The observation of what an asynchronous tool raised. Raises what stops the run, or the call, from outside."""
    task = None if isinstance(error, KeyboardInterrupt | GeneratorExit) else asyncio.current_task()
    cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling()
    if task is None or cancelled:  # a tool's own cancelling is the tool's fault
        raise error
    return observe_exception(error)


def observe_exception(error: BaseException) -> Observation:
    """The observation of an exception: its type and its message."""
    collect_error(error)
    try:
        message = replace_surrogates(str(error))
    except BaseException:
        message = ""
    name = type(error).__name__
    return Observation(ok=False, kind="tool_error", text=f"{name}: {message}" if message else name)
