"""The places where the exemplars of a store are kept.

Public modules: `backend` (the contract), `folder_backend` (a folder with an index), `run_backend` (the journal of a
run), `pack_backend` (a pack); `folder` and `log` (the files of a folder).
"""
