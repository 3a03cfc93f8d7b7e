"""A server's facts about itself apart from the chat: its models, how much it reads, how much it serves at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from ste_graph.contracts import Json

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FACTS_S: Final = 3.0
"""Seconds for all questions together: a server that is slow to say has said nothing."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Facts of a server, as far as it tells them."""

    models: tuple[str, ...] = ()
    context: int | None = None
    """Tokens of prompt and reply together."""
    slots: int | None = None
    """Requests that are served at once."""

    def to_json(self) -> dict[str, Json]:
        """The facts that a run's lock keeps: the size of the context and the number of slots, as far as told."""
        facts: dict[str, Json] = {"context": self.context, "slots": self.slots}
        return {name: value for name, value in facts.items() if value is not None}


async def ask_server_facts(client: AsyncOpenAI, model: str) -> ServerFacts:
    """Ask the server of a model, within a few seconds. What it does not tell, or not in time, is left out."""
    root = urlsplit(str(client.base_url))
    listed, props = await asyncio.gather(
        _get(client, "/models"), _get(client, urlunsplit((root.scheme, root.netloc, "/props", "", "")))
    )
    entries = [entry for entry in _list(_at(listed, "data")) if isinstance(entry, Mapping)]
    own = next((entry for entry in entries if entry.get("id") == model), entries[0] if len(entries) == 1 else {})
    context = _number(_at(props, "default_generation_settings", "n_ctx"), *(_at(own, *path) for path in _CONTEXT))
    return ServerFacts(
        tuple(sorted(str(entry["id"]) for entry in entries if "id" in entry)),
        context,
        _number(_at(props, "total_slots")),
    )


async def _get(client: AsyncOpenAI, path: str) -> Json:
    try:
        async with asyncio.timeout(FACTS_S):
            return json.loads(await client.get(path, cast_to=str))
    except Exception:  # whatever it is, the fact is not known
        return None


def _at(value: Json, *path: str) -> Json:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _number(*values: Json) -> int | None:
    return next((value for value in values if isinstance(value, int) and value > 0), None)


_CONTEXT: Final = (
    ("max_model_len",),  # vLLM
    ("meta", "n_ctx"),  # llama.cpp
    ("loaded_context_length",),  # LM Studio
    ("context_length",),  # OpenRouter, Together
    ("context_window",),  # Groq
)
