"""Files on disk: `jsonl` and `atomic` for every byte that must survive a crash, `lock` for who may write.

`regular` says which paths are files that may be read, and `document` reads JSON that others wrote.
"""
