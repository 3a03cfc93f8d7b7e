"""Files on disk: `jsonl` and `atomic` for every byte that must survive a crash, `lock` for who may write.

`document` reads JSON that others wrote.
"""
