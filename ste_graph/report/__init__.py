"""Reports on a chain of runs, as one HTML page and as text.

Public modules: `section` (one run), `page` (all of them), `records` (the record `report`).
"""
