"""Searching exemplars: in working memory, or by the Chroma server that keeps them.

Public modules: `searchable` (the contract), `cache` (rows and vectors in working memory), `server_exemplars` (those of
a server), `embedder` (their vectors), `chroma_rows` (exemplars as rows).
"""
