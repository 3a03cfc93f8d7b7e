"""The `recall:` setting of a long-term memory: which of its records are shown."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen
from ste_graph.settings import RelativePath


class Diverse(Frozen):
    """`{diverse: k}`: k entries that cover the memory, the newest among them, in order of adding."""

    diverse: int = Field(ge=1)
    """The most entries."""


class Nearest(Frozen):
    """`{nearest: k, like: <expr>}`: the k entries most similar to a text, best first; the newest k if it is null."""

    nearest: int = Field(ge=1)
    """The most entries."""
    like: str
    """The text, as an expression such as `imagine.query`."""


class OtherTool(Frozen):
    """`{other_tool: RUN}`: a placebo of like length and style: as many entries, but of another tool in an earlier run.

    That run is read as it is when this one begins.
    """

    other_tool: RelativePath
    """The folder of the earlier run."""


RecallSetting: TypeAlias = Literal["all", "shuffled"] | Diverse | Nearest | OtherTool
