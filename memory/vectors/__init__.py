"""Vectors of texts, and where they are kept.

Public modules: `similarity` (cosines and what is chosen by them), `vector_table` (vectors in working memory),
`collection` (vectors in Chroma), `snapshot` (what there was when a run began).
"""
