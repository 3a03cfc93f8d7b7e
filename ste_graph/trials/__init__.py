"""Knowledge drawn from trial records.

Public modules: `lessons` (errors that were repaired, as advice for a prompt), `coverage` (how much of a tool was tried
out), `success` (the calls that succeeded).
"""
