"""Vectors of texts, and where they are kept.

Public modules: `embedders` (texts to vectors), `weights` (the models that are found by a name), `similarity` (cosines
and what is chosen by them), `vector_table` (vectors in working memory), `collection` (vectors in Chroma), `snapshot`
(what there was when a run began).
"""
