"""Long-term memory: the records of the runs themselves.

Public modules: `settings` (`use: chroma`), `list_memory` (`use: list`).
"""
