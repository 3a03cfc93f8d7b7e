"""The selection of exemplars for a request."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from ste_graph.contracts.values import Frozen

Gate: TypeAlias = str
"""A check that an exemplar has passed, by name."""

VERIFIED: tuple[Gate, ...] = ("format", "execution", "grounding")
"""The gates that rules decide: the arguments fit the tool's schema; the call succeeded; it does what was asked."""


class SelectionFields(Frozen):
    """The settings by which exemplars are selected: the nearest ones that may be shown, at most `k`.

    Only exemplars that passed all `gates` and are not stale; never one that names a tool outside the offered ones.
    """

    k: int = Field(default=8, ge=0)
    """The most exemplars."""
    per_tool: int | None = Field(default=None, ge=1)
    """At most so many of one tool."""
    contrast: bool = False
    """One of them is of another tool than the nearest one's: of the most similar other tool, in the last place."""
    order: Literal["most_similar_last", "most_similar_first"] = "most_similar_last"
    """The place of the most similar exemplar."""
    tokens: int | None = Field(default=None, ge=0)
    """The budget for their text, counted as a third of its bytes; what does not fit is skipped, the nearest first."""
    gates: tuple[Gate, ...] = VERIFIED
    """The gates that an exemplar must have passed."""
    observations: bool = True
    """Show what the calls returned, and the answer."""
    allow_same_request: bool = True
    """True if an exemplar of the very same request may be shown: good for an agent, forbidden in a test."""
    paper: bool = False
    """As in the paper: the k nearest over all tools, whichever are offered, most similar first, the calls alone.

    It overrides all other settings but `k`, `gates` and `allow_same_request`.
    """


class Selection(SelectionFields):
    """The settings by which the exemplars for one request are selected."""

    placebo: int | None = None
    """The seed of a placebo of the same size, to be selected as well; None: no placebo."""

    @property
    def shows_observations(self) -> bool:
        """True if what the calls returned is shown."""
        return self.observations and not self.paper

    @property
    def by_tool(self) -> bool:
        """True if the nearest of each tool must be looked at, not just the nearest of all."""
        return not self.paper and (self.per_tool is not None or self.contrast)

    @property
    def fetches(self) -> int:
        """The number of nearest exemplars that suffice to select from; with `by_tool`, of each tool."""
        return self.k if self.paper or self.per_tool is None else min(self.k, self.per_tool)
