"""Long-term memory: the records of the runs themselves.

Public modules: `settings` (`use: chroma`), `list_memory` (`use: list`), `run_vectors` (the embeddings of a run's
requests, for its page).
"""
