"""Embedders by name, and vectors from code that cannot await."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ste_graph.errors import WorkflowError

from .recall import Vectors

if TYPE_CHECKING:
    from .embedders import Embedder


def named(place: str, name: str | None) -> Embedder:
    """The embedder of that name; None: the default. Raises `WorkflowError` if it cannot be found by its name."""
    from .embedders import MINILM, embedder_for

    if name is not None and name.startswith("sha256:"):
        raise WorkflowError(
            f"{place}: the store was made with an embedder from a folder ({name}); say where it lies: "
            "`embedder: FOLDER`, or ExemplarStore.open(…, embedder=FOLDER)"
        )
    if name is None or name == MINILM:
        return embedder_for(None)
    try:
        return embedder_for(name)
    except WorkflowError as error:
        raise WorkflowError(
            f"{place}: the store was made with {name}. {error} Or make its index again with another one: "
            f"ste memory rebuild {place} --embedder MODEL"
        ) from error


_loop: tuple[int, asyncio.AbstractEventLoop] | None = None
_starting = threading.Lock()


def embedded(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors, from any thread, whether or not an event loop runs in it."""
    global _loop
    with _starting:
        if _loop is None or _loop[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="exemplars", daemon=True).start()
            _loop = os.getpid(), loop
    return asyncio.run_coroutine_threadsafe(embedder.embed(texts), _loop[1]).result()
