"""The usage of a step, or of a whole unit: calls, replies, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ste_graph.contracts import Json, Usage


@dataclass(slots=True)
class UsageCounts:
    """The usage of a step, or of a whole unit."""

    model_calls: int = 0
    tool_calls: int = 0
    failed_calls: int = 0
    doubtful: int = 0
    """Calls whose answers are `ok`, but may report a failure of their own."""
    repaired: int = 0
    """Replies that had to be repaired before they could be read, and calls whose arguments had to be coerced."""
    unreadable: int = 0
    """Replies that were neither a call nor an answer."""
    calls_in_text: int = 0
    """Calls by the model's own tool calling that the server left in the text of the reply."""
    empty: int = 0
    """Replies that said nothing and called nothing."""
    truncated: int = 0
    """Replies that were cut off, as they were as long as a reply may be."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Tokens of prompts that a server had read before, by its own count."""
    models: dict[str, list[int]] = field(default_factory=dict)
    """Per model: calls, and tokens of prompts, of these cached, and of replies. `B for A`: B, in place of A."""

    def add(self, other: UsageCounts) -> None:
        """Add the counts of another step or unit."""
        self.model_calls += other.model_calls
        self.tool_calls += other.tool_calls
        self.failed_calls += other.failed_calls
        self.doubtful += other.doubtful
        self.repaired += other.repaired
        self.unreadable += other.unreadable
        self.calls_in_text += other.calls_in_text
        self.empty += other.empty
        self.truncated += other.truncated
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cached_tokens += other.cached_tokens
        for model, counts in other.models.items():
            self._add_model(model, counts)

    def add_reply(self, model: str, usage: Usage, *, by: str = "") -> None:
        """Add a reply of the model of this name, or of the one that replied in its place."""
        self.model_calls += 1
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cached_tokens += usage.cached_tokens
        counts = [1, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens]
        self._add_model(f"{by} for {model}" if by else model, counts)

    @property
    def replies(self) -> UsageCounts:
        """The usage of the replies alone."""
        return UsageCounts(
            model_calls=self.model_calls,
            empty=self.empty,
            truncated=self.truncated,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            models=self.models,
        )

    def of_part(self, name: str) -> UsageCounts:
        """The counts as the run around a part of this name has them."""
        return replace(self, models={_of_part(name, model): list(counts) for model, counts in self.models.items()})

    def _add_model(self, model: str, counts: Sequence[int]) -> None:
        known = self.models.get(model)
        self.models[model] = list(counts) if known is None else [a + b for a, b in zip(known, counts, strict=True)]

    @property
    def usage(self) -> Usage:
        """The tokens."""
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
        )

    def to_json(self) -> dict[str, Json]:
        """The counts that are not 0."""
        return {name: value for name in UsageCounts.__slots__ if (value := getattr(self, name))}


def _of_part(name: str, model: str) -> str:
    """The name of a model of a part: `PART.MODEL`, in place of another one too."""
    by, between, asked = model.partition(" for ")
    return f"{name}.{by}{between}{name}.{asked}" if between else f"{name}.{model}"
