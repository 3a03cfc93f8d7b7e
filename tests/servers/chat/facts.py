"""Facts that kinds of servers tell about themselves, besides the chat."""

from __future__ import annotations

from typing import Any

from tests.servers.chat.server import Answer, Behaviour, Proceed, Request


def list_models(*names: str, **more: Any) -> Behaviour:
    """Lists these models, whatever it serves; `max_model_len` and other facts are added to each."""
    listed = [{"id": name, "object": "model", "owned_by": "tests", **more} for name in names]
    return at("/models", {"object": "list", "data": listed})


def tell_slots(slots: int, context: int, loaded: str = "tiny.gguf") -> Behaviour:
    """Tells its slots and the length of its context, as llama.cpp's server does at `/props`."""
    facts = {"total_slots": slots, "default_generation_settings": {"n_ctx": context}, "model_path": loaded}
    return at("/props", facts)


def at(path: str, body: Any, status: int = 200) -> Behaviour:
    """Gives a fixed answer at one address."""

    def answer(request: Request, proceed: Proceed) -> Answer:
        return Answer(status, body) if request.path.endswith(path) else proceed(request)

    return answer
