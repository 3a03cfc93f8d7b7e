"""Files on disk, and who may write them.

Public modules: `jsonl` and `atomic` (every byte that must survive a crash), `lock` (who may write), `compressed`
(finished files), `cache` (the user's cache), `regular` (the paths that may be read), `document` (JSON of others).
"""
