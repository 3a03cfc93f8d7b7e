"""`limits:`: the time and the size of a call's result, and the number of calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Frozen


class ToolLimits(Frozen):
    """The limits of each tool's calls, named and bounded as in a workflow's `limits:`."""

    timeout_s: Annotated[float, Field(gt=0)] = Field(default=30.0, description="seconds after which a call has failed")
    characters: Annotated[int, Field(ge=200)] = Field(
        default=8192, description="longer results keep head and tail, half of these characters each"
    )
    calls: Annotated[int, Field(ge=0)] | None = Field(default=None, description="calls per tool and unit; null: any")
    unanswered: Annotated[int, Field(ge=0)] = Field(
        default=3,
        description="calls of one server in a row that get no answer (kind `transport`), after which the unit pauses; "
        "0: never",
    )
    per_minute: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="calls of one tool that may begin within a minute, over all units; further ones wait"
    )
