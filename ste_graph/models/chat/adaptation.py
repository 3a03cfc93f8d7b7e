"""The facts learnt about one server and model: what it refuses, and what it is sent instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

from pydantic import ValidationError

from ste_graph.contracts import Frozen, Json

StructuredForm = Literal["json_schema", "json_object", "prompt"]
"""The ways of asking a server for JSON: by its schema, by its mode for JSON, or by words in the prompt only."""


class Adaptation(Frozen):
    """The ways in which requests differ from what was asked for; by default in none."""

    unsent: tuple[str, ...] = ()
    """The keys of the body that are left out, such as `seed`; without `stop`, replies are cut here."""
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The key that bounds a reply."""
    structured: StructuredForm = "json_schema"
    keywords: tuple[str, ...] = ()
    """The schema keywords that are left out of tools and structured output; the caller checks arguments itself."""
    alternating: bool = False
    """True if user and assistant have to take turns after one system message at most: neighbours are merged then."""
    no_system: bool = False
    """True if there is no system role: its text opens the first user message."""
    short_ids: bool = False
    """True if ids of tool calls have to be nine letters and digits."""
    no_tools: bool = False
    """True if tools are refused: they are described in the prompt, and calls are asked for as text."""

    @property
    def changes_messages(self) -> bool:
        """True if messages are not sent as they are."""
        return self.alternating or self.no_system or self.short_ids or self.no_tools

    def to_json(self) -> dict[str, Json]:
        """The differences only, as the lock keeps them."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def without(self, *names: str) -> Self:
        """The same, with these keys of the body left out too."""
        return self.model_copy(update={"unsent": tuple(dict.fromkeys((*self.unsent, *names)))})

    def without_keywords(self, *names: str) -> Self:
        """The same, with these schema keywords left out too."""
        return self.model_copy(update={"keywords": tuple(dict.fromkeys((*self.keywords, *names)))})


AS_ASKED = Adaptation()
"""Everything is sent as it was asked for."""


class Adaptations:
    """The adaptations that a run has learnt, by server and model; `on_change` is called on each change."""

    def __init__(self) -> None:
        self._learnt: dict[str, Adaptation] = {}
        self.on_change: Callable[[], None] = lambda: None

    def find(self, server: str) -> Adaptation:
        """The adaptation known for this server and model."""
        return self._learnt.get(server, AS_ASKED)

    def learn(self, server: str, adaptation: Adaptation) -> None:
        """Remember this of the server and model from now on."""
        self._learnt[server] = adaptation
        self.on_change()

    def to_json(self) -> dict[str, Json]:
        """All of it, as the lock keeps it."""
        return {server: learnt.to_json() for server, learnt in sorted(self._learnt.items())}

    def read(self, kept: Json) -> None:
        """Take over what a lock has kept. What no longer has a meaning is left out: it is learnt anew if need be."""
        for server, learnt in kept.items() if isinstance(kept, dict) else ():
            try:
                self._learnt.setdefault(str(server), Adaptation.model_validate(learnt))
            except ValidationError:
                continue
