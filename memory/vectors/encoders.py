"""Encoders of sentences: sentence-transformers, or onnxruntime over a file that was exported from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ste_graph.errors import SteError, WorkflowError
from ste_graph.memory.vectors.similarity import Vectors
from ste_graph.memory.vectors.weights import Weights
from ste_graph.tracebacks import INTERRUPTS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 16
"""Texts computed in one go: on one thread, more at a time are slower."""

GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"


class Encoder(Protocol):
    """Computes the vectors of a loaded model. For one thread."""

    @property
    def limit(self) -> int | None:
        """The tokens of a text that are read; None: no limit is known."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, beyond the limit too; characters, where the model has no common tokenizer."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of at most `BATCH` texts, one row per text, float32."""


class OnnxEncoder:
    """A model in onnxruntime. Its import and the loading take a third of a second; torch is not needed."""

    def __init__(self, folder: Path, threads: int) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from onnxruntime import InferenceSession, SessionOptions  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        options = SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
        self._session = InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        # As the exported model's tokenizer left them.
        self._truncation: dict[str, Any] = self._tokenizer.truncation or {}
        self._padding: dict[str, Any] = self._tokenizer.padding or {}
        self.limit: int | None = self._truncation["max_length"]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]

    def encode(self, texts: Sequence[str]) -> Vectors:
        self._tokenizer.enable_truncation(**self._truncation)
        self._tokenizer.enable_padding(**self._padding)
        encodings = self._tokenizer.encode_batch(list(texts))
        values = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        inputs = {name: np.array(values[name], dtype=np.int64) for name in self._inputs}
        vectors: Vectors = self._session.run(None, inputs)[0]
        return vectors


class ReferenceEncoder:
    """A model in sentence-transformers, whose import takes seconds. Any model that it knows, with any tokenizer."""

    def __init__(self, model: SentenceTransformer, threads: int) -> None:
        self._model = model
        self._threads = threads

    @property
    def limit(self) -> int | None:
        return self._model.max_seq_length if self._has_common_tokenizer else None

    @property
    def _has_common_tokenizer(self) -> bool:
        from transformers import PreTrainedTokenizerBase

        return isinstance(self._model.tokenizer, PreTrainedTokenizerBase)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not self._has_common_tokenizer:
            return [len(text) for text in texts]
        ids = self._model.tokenizer(list(texts), truncation=False, verbose=False, return_attention_mask=False)
        return [len(tokens) for tokens in ids["input_ids"]]

    def encode(self, texts: Sequence[str]) -> Vectors:
        import torch

        torch.set_num_threads(self._threads)
        return np.asarray(
            self._model.encode(list(texts), batch_size=BATCH, show_progress_bar=False, normalize_embeddings=True)
        )


def load_encoder(weights: Weights) -> SentenceTransformer:
    """The model in sentence-transformers, on the CPU. Raises `WorkflowError` if it does not load."""
    # Set before the tokenizer's library is imported: its threads and a forked process do not go together.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as chatter

    bars, verbosity = chatter.is_progress_bar_enabled(), chatter.get_verbosity()
    chatter.disable_progress_bar()  # type: ignore[no-untyped-call]
    chatter.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(weights.place, device="cpu")
    except (SteError, *INTERRUPTS):
        raise
    except BaseException as error:
        raise WorkflowError(
            f"embedder {weights.name}: {weights.place} does not load as a sentence-transformers model "
            f"({type(error).__name__}: {error})"
        ) from error
    finally:
        chatter.set_verbosity(verbosity)
        if bars:
            chatter.enable_progress_bar()  # type: ignore[no-untyped-call]
