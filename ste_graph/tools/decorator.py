"""`@ste.tool`: marks a Python function as a tool and says what calling it may do to the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args, overload

from ste_graph.contracts import Effect

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__ste_effect__"


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, effect: Effect = "destructive") -> Callable[[F], F]: ...
def tool(function: Any = None, /, *, effect: Any = "destructive") -> Any:
    """Mark a function as a tool with this effect; the function itself stays as it was.

    In a module that marks any function, only the marked ones are tools. A workflow's `effects:` overrides the mark.
    """
    if effect not in get_args(Effect):
        raise ValueError(f"A tool's effect is one of {', '.join(sorted(get_args(Effect)))}; got {effect!r}")
    if function is not None and not callable(function):
        raise TypeError(f"expected `@ste.tool`, or an effect by its name: `@ste.tool(effect={function!r})`")

    def mark(function: F) -> F:
        setattr(function, MARK, effect)
        return function

    return mark if function is None else mark(function)
