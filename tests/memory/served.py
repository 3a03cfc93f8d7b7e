"""A process that serves a store over MCP on stdin and stdout, for the tests: `served.py STORE`."""

import hashlib
import sys

import numpy as np

from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.memory.faces.server import serve_memory


class WordHashes:
    name = "word hashes"

    async def embed(self, texts):
        rows = np.full((len(texts), 32), 0.01, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[hashlib.md5(word.encode()).digest()[0] % 32] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    serve_memory(ExemplarStore.open(sys.argv[1], embedder=WordHashes()))
