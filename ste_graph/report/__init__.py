"""Pages about runs, for users and for the authors of tools.

Public modules: `content` (all that the page about a run shows), `page` (the page itself), `tools` (what runs tell the
authors of tools).
"""
