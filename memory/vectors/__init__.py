"""Vectors of texts, and where they are kept.

Public modules:

* `embedders`: texts to vectors; `similarity`: cosines, and what is chosen by them
* `vector_store`: the contract of a store; `collection`: one in Chroma; `shared_collections`: those open in this process
* `vector_table`: vectors in working memory; `vector_file`: in the user's cache; `snapshot`: those at the start of a run
* `chroma_client`: a folder or a server of Chroma; `scope_directory`: the scopes on a server; `chroma_workarounds`
"""
