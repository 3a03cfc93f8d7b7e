"""The export of an embedder to ONNX: once for its weights, in a process of its own, checked against the original."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from ste_graph.errors import RunError
from ste_graph.files.cache import cache_folder
from ste_graph.memory.batches import slices
from ste_graph.memory.vectors.encoders import BATCH, GRAPH, TOKENIZER, OnnxEncoder, load_encoder
from ste_graph.memory.vectors.weights import Weights

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-3
"""By so much a number of a vector may differ from what sentence-transformers computes."""

_UNFIT = "unfit.json"
"""The file of a model without a graph: why it cannot be exported, and under which versions that was so."""

_OPSET = 17

_TEXTS = [
    "", "a", "Will it rain in Oslo tomorrow?", "Convert 20 miles to kilometres", "東京の天気は?", "погода в Осло 🌧️",
    'get_weather(city="Oslo", days=3) -> {"rain": true}', "UPPER lower 3.14 #$%\n\ttabs", "word " * 700,
    *(f"request {number}: " + "which of these dates comes first, " * (number * 5 % 13) for number in range(BATCH)),
]  # fmt: skip


def export_once(weights: Weights) -> Path | None:
    """The folder of the exported model, exported now unless this was done before; None if it was found impossible.

    Raises:
        RunError: the model cannot be exported, or computes something else then; said once for each set of versions.
        OSError: the cache cannot be used.
    """
    from filelock import FileLock

    root = cache_folder("embedders")
    folder = _find(root, weights)
    if folder is None:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "lock"):
            folder = _find(root, weights) or _export_apart(root, weights)
    return folder if (folder / GRAPH).is_file() else None


def _find(root: Path, weights: Weights) -> Path | None:
    """The folder of the exported model, or of the reason that it cannot be exported; None before an export."""
    if (digest := weights.digest) is None:
        return None
    folder = root / digest
    if (folder / GRAPH).is_file():
        return folder
    unfit = folder / _UNFIT
    return folder if unfit.is_file() and json.loads(unfit.read_text("utf-8"))["versions"] == _versions() else None


def _export_apart(root: Path, weights: Weights) -> Path:
    with TemporaryDirectory(prefix="export.", dir=root) as aside:
        made = Path(aside) / "model"
        made.mkdir()
        command = [sys.executable, "-P", "-m", __name__, *weights, str(made)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        digest = weights.digest  # again: a model of the hub has been fetched by now
        if done.returncode != 0 or digest is None:
            raise RunError((done.stderr.strip() or f"the export ended with status {done.returncode}").splitlines()[-1])
        rmtree(root / digest, ignore_errors=True)
        made.replace(root / digest)
    if (unfit := root / digest / _UNFIT).is_file():
        raise RunError(json.loads(unfit.read_text("utf-8"))["reason"])
    return root / digest


def export_model(model: SentenceTransformer, folder: Path) -> None:
    """Write the model as a graph from tokens to unit vectors, with its tokenizer.

    Raises `RunError`, or whatever torch raises, if this is impossible.
    """
    import torch
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

    class Embedding(torch.nn.Module):
        """From tokens to unit vectors, with the model's own pooling."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
            features = dict(zip(names, tokens, strict=True))
            return torch.nn.functional.normalize(self.model(features)["sentence_embedding"], dim=-1)

    features = model.preprocess(["one text", "another, longer text"])
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in features]
    if names[:2] != ["input_ids", "attention_mask"] or not hasattr(model.tokenizer, "backend_tokenizer"):
        raise RunError("its tokenizer is not a common one")
    if find_spec("onnx") is None:
        # Tried with torch 2.13: the package serves only to add functions of one's own to the graph; there are none.
        onnx_proto_utils._add_onnxscript_fn = lambda model_bytes, custom_opsets: model_bytes
    with torch.no_grad():
        torch.onnx.export(
            Embedding().eval(),
            tuple(features[name] for name in names),
            str(folder / GRAPH),
            input_names=names,
            output_names=["vectors"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names} | {"vectors": {0: "texts"}},
            opset_version=_OPSET,
            dynamo=False,  # the other way needs the packages onnx and onnxscript
        )
    # Its truncation and padding are set as the model has just used them.
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))


def check_export(model: SentenceTransformer, folder: Path) -> None:
    """Compare the vectors of the exported model with the original's. Raises `RunError` if they differ."""
    exported = OnnxEncoder(folder, threads=1)
    batches = [_TEXTS[part] for part in slices(len(_TEXTS), BATCH)] + [[text] for text in _TEXTS]
    for texts in batches:
        expected = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        difference = float(np.abs(exported.encode(texts) - expected).max())
        if not difference <= TOLERANCE:
            raise RunError(f"the exported model computes other vectors: they differ by {difference:.2g}")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "sentence-transformers", "onnxruntime")}


def main(place: str, name: str, target: str) -> None:
    """Export the model into the folder `target`, or write there why this is impossible."""
    warnings.simplefilter("ignore")
    folder = Path(target)
    model = load_encoder(Weights(place, name))
    try:
        export_model(model, folder)
        check_export(model, folder)
    except OSError:
        raise
    except Exception as error:
        (folder / GRAPH).unlink(missing_ok=True)
        reason = str(error).strip().splitlines() or [""]
        text = json.dumps({"reason": f"{type(error).__name__}: {reason[0]}", "versions": _versions()})
        (folder / _UNFIT).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
