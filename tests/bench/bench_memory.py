"""Exemplars: search against Chroma's own and the released notebook's way, two writers, embedding, working memory.

Vectors for speed and recall are synthetic (50 tools, 384 numbers); accuracy is of the 750 requests under STE_DATA.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.search.chroma_rows import COLLECTION
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.vectors.chroma_client import open_client
from ste_graph.records import StepObservation, TrialStep

ENTRIES, TOOLS, SIZE, ASKED = 100_000, 50, 384, 200
APPENDED = 4_000
NOTEBOOK_ENTRIES, NOTEBOOK_ASKED, ROUNDS = 15_000, 50, 5


class Given:
    """The name of an embedder whose vectors are made elsewhere."""

    name = "synthetic"

    async def embed(self, texts: Any) -> Any:
        raise AssertionError("all vectors are given")


def main() -> None:
    """Print every figure."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        large(Path(folder) / "large")
        two_writers(Path(folder) / "two")
        requests = real_requests()
        embedding(requests)
        notebook(Path(folder) / "notebook", requests)
        if requests:
            accuracy(Path(folder) / "accuracy", requests)


def large(folder: Path) -> None:
    """Search over many entries: within one tool, and across all."""
    vectors = clustered(ENTRIES, 0)
    asked = clustered(ASKED, 1)
    store = ExemplarStore.open(folder, embedder=Given(), create=True)
    began = time.perf_counter()
    store.add((exemplar(f"request {i}", f"tool{i % TOOLS}") for i in range(ENTRIES)), vectors)
    say(f"{ENTRIES:,} entries added in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    store.search_vectors(asked[:1])
    say(f"first search (vectors read from Chroma) {time.perf_counter() - began:.1f} s")

    own, near = timed(lambda q: store.search_vectors(q[None], 8, tools=["tool7"])[0], asked)
    collection = open_client(folder / "index").get_collection(COLLECTION, embedding_function=None)
    chromas, _ = timed(lambda q: collection.query(query_embeddings=[q], n_results=8, where={"tool": "tool7"}), asked)
    within = np.arange(7, ENTRIES, TOOLS)
    say(
        "within one tool: "
        f"p50 {own * 1e3:.2f} ms, recall@8 {recall(near, vectors, asked, within):.3f}; "
        f"Chroma's own filtered query p50 {chromas * 1e3:.1f} ms: {chromas / own:.0f}x"
    )
    across, near = timed(lambda q: store.search_vectors(q[None], 8)[0], asked)
    chromas, _ = timed(lambda q: collection.query(query_embeddings=[q], n_results=8), asked)
    say(
        f"across all tools: p50 {across * 1e3:.1f} ms, "
        f"recall@8 {recall(near, vectors, asked, np.arange(ENTRIES)):.3f}; "
        f"Chroma's own query p50 {chromas * 1e3:.1f} ms"
    )
    store.close()
    code = (
        "import sys; from tests.bench.bench_memory import *\n"
        "store = ExemplarStore.open(sys.argv[1], embedder=Given())\n"
        "began = time.perf_counter(); store.search_vectors(clustered(1, 1))\n"
        "print(resident(), time.perf_counter() - began)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    megabytes, seconds = done.stdout.split()
    say(
        f"a process with {ENTRIES:,} entries open and searched: {float(megabytes):.0f} MB resident without an "
        f"embedder, ready after {float(seconds):.1f} s"
    )


def two_writers(folder: Path) -> None:
    """Two processes that append to one store: every entry must be found by its own vector."""
    ExemplarStore.open(folder, embedder=Given(), create=True).close()
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=append, args=(folder, number)) for number in (0, 1)]
    began = time.perf_counter()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    took = time.perf_counter() - began
    with ExemplarStore.open(folder, embedder=Given()) as store:
        found = 0
        for number in (0, 1):
            answers = store.search_vectors(clustered(APPENDED, 10 + number), 1)
            found += sum(item[0].exemplar.query == f"{number}: {i}" for i, item in enumerate(answers))
        say(
            f"two processes appending {APPENDED:,} each in {took:.0f} s: {100 * found / (2 * APPENDED):.2f} % "
            f"found by their own vector, {len(store.check())} differences between log and index"
        )


def append(folder: Path, number: int) -> None:
    """One of the writers: batches of 50."""
    vectors = clustered(APPENDED, 10 + number)
    with ExemplarStore.open(folder, embedder=Given()) as store:
        for start in range(0, APPENDED, 50):
            some = [exemplar(f"{number}: {i}", f"tool{i % TOOLS}") for i in range(start, start + 50)]
            store.add(some, vectors[start : start + 50])


def embedding(requests: list[tuple[str, str]]) -> None:
    """Texts per second, ours against sentence-transformers in batches of 32, turn about."""
    import torch

    from ste_graph.memory.vectors.embedders import embedder_for
    from ste_graph.memory.vectors.encoders import load_encoder
    from ste_graph.memory.vectors.weights import find_weights

    torch.set_num_threads(1)
    texts = [f"{text} ({i})" for i, (text, _) in enumerate((requests or made_up())[:480])]
    embedder = embedder_for(None)
    asyncio.run(embedder.embed(["warm up"]))
    model = load_encoder(find_weights(None))

    def direct() -> None:
        model.encode(texts, batch_size=32, show_progress_bar=False, normalize_embeddings=True)

    def ours() -> None:
        embedder._known.clear()
        asyncio.run(embedder.embed(texts))

    took = [(seconds(ours), seconds(direct)) for _ in range(7)]
    mine, theirs = (len(texts) / median(some) for some in zip(*took, strict=True))
    say(
        f"embedding: {mine:.0f} texts/s, sentence-transformers directly in batches of 32 {theirs:.0f}: "
        f"{median(their / my for my, their in took):.2f}x (the median of {len(took)} rounds)"
    )


def notebook(folder: Path, requests: list[tuple[str, str]]) -> None:
    """Exemplars for many requests, against the way of the paper's released notebook, turn about."""
    import torch
    from sentence_transformers import util

    from ste_graph.memory.vectors.embedders import embedder_for
    from ste_graph.memory.vectors.encoders import load_encoder
    from ste_graph.memory.vectors.weights import find_weights

    asked = [text for text, _ in requests or made_up()]
    embedder = embedder_for(None)
    around = asyncio.run(embedder.embed(asked))
    noise = np.random.default_rng(5).normal(size=(NOTEBOOK_ENTRIES, SIZE)).astype(np.float32)
    vectors = around[np.arange(NOTEBOOK_ENTRIES) % len(asked)] + 0.02 * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = [f"{asked[i % len(asked)]} ({i})" for i in range(NOTEBOOK_ENTRIES)]
    model, there = load_encoder(find_weights(None)), torch.tensor(vectors)
    mine: list[Any] = []
    theirs: list[Any] = []

    def ours() -> None:
        embedder._known.clear()
        mine[:] = store.search_many(asked, 8)

    def released() -> None:
        for text in asked[len(theirs) : len(theirs) + NOTEBOOK_ASKED // ROUNDS]:
            cosines = util.cos_sim(model.encode([text], convert_to_tensor=True, show_progress_bar=False), there)[0]
            ranked = sorted(
                ((cosines[row], row) for row in range(len(cosines))), key=lambda item: item[0], reverse=True
            )
            theirs.append([kept[row] for _, row in ranked[:8]])

    with ExemplarStore.open(folder, create=True) as store:
        store.add([exemplar(text, f"tool{i % TOOLS}") for i, text in enumerate(kept)], vectors)
        store.search_vectors(vectors[:1])
        took = [(seconds(released) / (NOTEBOOK_ASKED // ROUNDS), seconds(ours) / len(asked)) for _ in range(ROUNDS)]
    same = sum({item.exemplar.query for item in some} == {*other} for some, other in zip(mine, theirs, strict=False))
    their_each, each = (median(some) for some in zip(*took, strict=True))
    say(
        f"{len(asked)} requests over {NOTEBOOK_ENTRIES:,} entries: {each * 1e3:.2f} ms each; the released notebook's "
        f"way {their_each * 1e3:.0f} ms each: {median(their / my for their, my in took):.0f}x (the median of {ROUNDS} "
        f"rounds); the same top 8 in {same} of {NOTEBOOK_ASKED}"
    )


def accuracy(folder: Path, requests: list[tuple[str, str]]) -> None:
    """Prints the share of requests whose tool is among those of the k nearest exemplars: two thirds are kept."""
    shares = nearest_tools(folder, requests)
    said = ", ".join(f"k={k} {100 * share:.1f} %" for k, share in shares.items())
    say(f"the right tool among the k nearest exemplars ({len(requests)} requests, 1/3 held out): {said}")


def nearest_tools(folder: Path, requests: list[tuple[str, str]]) -> dict[int, float]:
    """The share of held-out requests whose tool is among those of the k nearest, by k."""
    kept = [pair for i, pair in enumerate(requests) if i % 3]
    held_out = [pair for i, pair in enumerate(requests) if i % 3 == 0]
    with ExemplarStore.open(folder, create=True) as store:
        store.add([exemplar(text, tool) for text, tool in kept])
        found = store.search_many([text for text, _ in held_out], 8)
    return {
        k: sum(
            tool in {item.exemplar.tool for item in some[:k]} for some, (_, tool) in zip(found, held_out, strict=True)
        )
        / len(held_out)
        for k in (1, 2, 4, 8)
    }


def real_requests() -> list[tuple[str, str]]:
    """The paper's test requests and their tools; none where the data are not."""
    file = Path(os.environ.get("STE_DATA", "../shared/data")) / "ste" / "tool_test.json"
    if not file.is_file():
        say(f"no {file}: made-up texts instead, and no accuracy")
        return []
    return [(case["query"], tool) for tool, cases in json.loads(file.read_text("utf-8")).items() for case in cases]


def made_up() -> list[tuple[str, str]]:
    """Requests where there are no real ones."""
    return [(f"Please convert {i} units of kind {i % 13} for shelf {i * 7}", f"tool{i % TOOLS}") for i in range(750)]


def exemplar(query: str, tool: str) -> Exemplar:
    """A verified exemplar of about the size of a real one."""
    seen = StepObservation(ok=True, kind="ok", text="The result of the call, in a sentence or two. " * 4)
    step = TrialStep(thought="I call the tool.", action=tool, arguments={"text": query}, observation=seen)
    id = f"{tool}-{query}"
    return Exemplar(
        id=id, query=query, tool=tool, calls=[step], answer="Done.", verified=("format", "execution", "grounding")
    )


def clustered(rows: int, seed: int) -> Any:
    """Unit vectors around one centre per tool; row i belongs to tool i modulo their number."""
    centres = np.random.default_rng(99).normal(size=(TOOLS, SIZE)).astype(np.float32)
    made = centres[np.arange(rows) % TOOLS]
    made = made + 0.9 * np.random.default_rng(seed).normal(size=(rows, SIZE)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def recall(near: list[Any], vectors: Any, asked: Any, rows: Any) -> float:
    """The share of the true eight nearest among those found."""
    hits = 0
    for found, query in zip(near, asked, strict=True):
        true = rows[np.argsort(-(vectors[rows] @ query))[:8]]
        hits += len({item.exemplar.query for item in found} & {f"request {row}" for row in true})
    return hits / (8 * len(near))


def seconds(way: Callable[[], None]) -> float:
    """The time that it takes once, in seconds."""
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def timed(search: Callable[[Any], Any], asked: Any) -> tuple[float, list[Any]]:
    """The median time of a search in seconds, and what was found."""
    search(asked[0])
    took, found = [], []
    for query in asked:
        began = time.perf_counter()
        found.append(search(query))
        took.append(time.perf_counter() - began)
    return float(np.median(took)), found


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def say(line: str) -> None:
    """One line of the report."""
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
