"""Errors from the user's own code (nodes, tools, plugins): the place that a message ends with, and the traceback."""

from __future__ import annotations

import sysconfig
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Final

from ste_graph.errors import SteError

INTERRUPTS: Final = (KeyboardInterrupt, GeneratorExit, CancelledError)
"""Exceptions that stop code from outside. All others are faults of the code, a panic in Rust too, which is none."""

_collected: ContextVar[list[BaseException] | None] = ContextVar("_collected", default=None)


def user_place(error: BaseException, module: str | None = None) -> str | None:
    """The last `file:line function` of the user's own code that an error, or its first cause, came through.

    Libraries do not count, but for the package of `module`, the user's code that may be
    installed. None if it came through no code of the user's.
    """
    package = module.partition(".")[0] if module is not None else None
    for cause in reversed([error, *_causes(error)]):
        if isinstance(cause, SyntaxError) and cause.filename and not _is_library(cause.filename):
            return f"{_display_path(cause.filename)}:{cause.lineno}"
        frames = [(frame, line) for frame, line in _frames(cause.__traceback__) if _is_users(frame, package)]
        if frames:
            frame, line = frames[-1]
            return f"{_display_path(frame.f_code.co_filename)}:{line} {_function(frame.f_code)}"
    return None


def with_place(message: str, error: BaseException, module: str | None = None) -> str:
    """Return the message, ending with the place in the user's own code that the error came from, if there is one.

    An error that this package raises on purpose already says what to do.
    """
    place = None if isinstance(_first_cause(error), SteError) else user_place(error, module)
    return message if place is None else f"{message} ({place})"


def with_definition(message: str, function: Callable[..., object]) -> str:
    """Return the message, ending with the place at which a function of the user's is defined."""
    code = getattr(function, "__code__", None)
    if code is None or function.__module__.partition(".")[0] == "ste_graph":
        return message
    return f"{message} ({_display_path(code.co_filename)}:{code.co_firstlineno} {_function(code)})"


def full_traceback(error: BaseException) -> str | None:
    """The whole traceback of an error; None where an error that this package raises on purpose began it.

    One that was met in another process brings its traceback along as `remote_traceback`.
    """
    if (remote := getattr(error, "remote_traceback", None)) is not None:
        return str(remote)
    expected = isinstance(_first_cause(error), SteError)
    return None if expected else "".join(traceback.format_exception(error))


@contextmanager
def collect_errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions that tools raise in this context and that become observations, see `collect_error`."""
    errors: list[BaseException] = []
    token = _collected.set(errors)
    try:
        yield errors
    finally:
        _collected.reset(token)


def collect_error(error: BaseException) -> None:
    """Keep an exception that becomes an observation, for whoever asked for it with `collect_errors`."""
    errors = _collected.get()
    if errors is not None:
        errors.append(error)


def _first_cause(error: BaseException) -> BaseException:
    return [error, *_causes(error)][-1]


def _causes(error: BaseException) -> Iterator[BaseException]:
    while (cause := error.__cause__) is not None:
        yield cause
        error = cause


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _is_users(frame: FrameType, package: str | None) -> bool:
    module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return module != "ste_graph" and (module == package or not _is_library(frame.f_code.co_filename))


def _is_library(file: str) -> bool:
    return file.startswith(("<frozen", "<string>", *_library_folders()))


@cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({f"{paths[name]}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _function(code: CodeType) -> str:
    return code.co_qualname.replace(".<locals>", "")


def _display_path(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def describe_encoding(error: BaseException) -> str | None:
    """The fault of a module that was refused because its file is not UTF-8, with the place; None for other errors."""
    if not isinstance(error, SyntaxError) or not error.filename:
        return None
    file = Path(error.filename)
    try:
        file.read_bytes().decode()
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        return f"`{file}` is not UTF-8 text (byte {fault.start}, line {line}); save it as UTF-8"
    except OSError:
        pass
    return None
