"""Sentence embeddings: the model loaded once, texts encoded in a worker thread, in batches."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Protocol

import numpy as np

from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.batches import slices
from ste_graph.memory.vectors.encoders import BATCH, Encoder, OnnxEncoder, ReferenceEncoder, load_encoder
from ste_graph.memory.vectors.onnx_export import export_once
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.memory.vectors.weights import MINILM, Weights, find_weights

_REMEMBERED = 4096

_log = logging.getLogger("ste_graph.memory")


class Embedder(Protocol):
    """Texts to vectors, always the same vector for the same text."""

    @property
    def name(self) -> str:
        """The embedding's name. Vectors under different names must never be compared."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row per text, float32. Raises `SteError` if they cannot be had."""


@cache
def embedder_for(model: str | None, threads: int = 1) -> SentenceEmbedder:
    """The embedder of a workflow's `embedder` setting, one per process. Finds the model, but loads nothing yet.

    Raises:
        WorkflowError: the model is not on this machine and cannot be had.
    """
    return SentenceEmbedder(find_weights(model), threads)


def find_store_embedder(place: str, name: str | None) -> Embedder:
    """The embedder of the name that the store at `place` was made with; None: the default.

    Raises:
        WorkflowError: it cannot be found by its name.
    """
    if name is not None and name.startswith("sha256:"):
        raise WorkflowError(
            f"{place}: the store was made with an embedder from a folder ({name}); say where it is: "
            "`embedder: FOLDER`, or ExemplarStore.open(…, embedder=FOLDER)"
        )
    if name is None or name == MINILM:
        return embedder_for(None)
    try:
        return embedder_for(name)
    except WorkflowError as error:
        raise WorkflowError(
            f"{place}: the store was made with {name}. {error} Or make its index again with another one: "
            f"ste memory rebuild --from {place} --embedder MODEL"
        ) from error


class SentenceEmbedder:
    """A sentence-transformers model on the CPU; `open_encoder` decides by which library it is computed.

    One worker thread takes all the texts that are waiting, whoever asked, and encodes them together. The thread loads
    the model when the first text arrives; the event loop goes on meanwhile.
    """

    def __init__(self, weights: Weights, threads: int) -> None:
        self._weights = weights
        self._threads = threads
        self._waiting: deque[tuple[list[str], Future[Vectors]]] = deque()
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._worker: _EmbeddingWorker | None = None
        self._warned_too_long = False

    @property
    def name(self) -> str:
        return self._weights.name

    async def embed(self, texts: Sequence[str]) -> Vectors:
        answer: Future[Vectors] = Future()
        self._waiting.append((list(texts), answer))
        self._start().thread.submit(self._serve)
        return await asyncio.wrap_future(answer)

    @property
    def encoder(self) -> Encoder:
        """The loaded model; loading it takes a second or more."""
        worker = self._start()
        if worker.encoder is None:
            worker.encoder = open_encoder(self._weights, self._threads)
        return worker.encoder

    def _start(self) -> _EmbeddingWorker:
        if self._worker is None or self._worker.process != os.getpid():
            self._worker = _EmbeddingWorker()
        return self._worker

    def _serve(self) -> None:
        """Answer everything that waits; in the worker thread."""
        jobs = [self._waiting.popleft() for _ in range(len(self._waiting))]
        jobs = [job for job in jobs if job[1].set_running_or_notify_cancel()]
        texts = list(dict.fromkeys(text for wanted, _ in jobs for text in wanted))
        try:
            vectors = self._look_up(texts)
            for wanted, answer in jobs:
                answer.set_result(np.array([vectors[text] for text in wanted], dtype=np.float32))
        except BaseException as error:  # a panic too: who waits for an answer would wait for ever
            for _, answer in jobs:
                if not answer.done():
                    answer.set_exception(error)

    def _look_up(self, texts: Sequence[str]) -> dict[str, Vectors]:
        vectors = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in texts if text not in vectors]
        if new:
            vectors.update(zip(new, self._encode(new), strict=True))
        for text in texts:
            self._known[text] = vectors[text]
            self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return vectors

    def _encode(self, texts: list[str]) -> Vectors:
        """The vectors of some texts. Those of one length share a batch, which then needs little padding."""
        lengths = self.encoder.count_tokens(texts)
        self._warn_if_too_long(lengths, texts)
        by_length = np.argsort(lengths, kind="stable")[::-1]
        batches = [by_length[part] for part in slices(len(texts), BATCH)]
        encoded = np.concatenate([self.encoder.encode([texts[row] for row in batch]) for batch in batches])
        vectors = np.empty(encoded.shape, dtype=np.float32)
        vectors[by_length] = encoded
        for text, vector in zip(texts, vectors, strict=True):
            if not np.isfinite(vector).all():
                raise RunError(
                    f"embedder {self.name}: the embedding of {text[:60]!r} is not finite; set another `embedder`"
                )
        return vectors

    def _warn_if_too_long(self, lengths: Sequence[int], texts: Sequence[str]) -> None:
        limit = self.encoder.limit
        if limit is None or self._warned_too_long:
            return
        for tokens, text in zip(lengths, texts, strict=True):
            if tokens > limit:
                self._warned_too_long = True
                _log.warning(
                    "embedder %s reads %d tokens of a text; the rest of longer ones does not count for similarity. "
                    "The first such text has %d tokens: %r… (said once)",
                    self.name, limit, tokens, text[:60],
                )  # fmt: skip
                return


def open_encoder(weights: Weights, threads: int) -> Encoder:
    """The encoder of some weights: onnxruntime where the model can be exported, otherwise sentence-transformers.

    Raises:
        WorkflowError: the model does not load.
    """
    reason = None
    try:
        if folder := export_once(weights):
            return OnnxEncoder(folder, threads)
    except Exception as error:  # of any kind: it can be done without
        reason = f"{type(error).__name__}: {error}"
    encoder = ReferenceEncoder(load_encoder(weights), threads)
    if reason is not None:
        _log.warning(
            "embedder %s: not run by onnxruntime (%s), but by sentence-transformers, which starts some seconds later",
            weights.name, reason,
        )  # fmt: skip
    return encoder


class _EmbeddingWorker:
    """The thread and the model of one process: a forked child cannot use those of its parent."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self.encoder: Encoder | None = None


_loop: tuple[int, asyncio.AbstractEventLoop] | None = None
_starting = threading.Lock()


def embed_blocking(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors, from any thread, whether or not an event loop runs in it."""
    global _loop
    with _starting:
        if _loop is None or _loop[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="exemplars", daemon=True).start()
            _loop = os.getpid(), loop
    return asyncio.run_coroutine_threadsafe(embedder.embed(texts), _loop[1]).result()
