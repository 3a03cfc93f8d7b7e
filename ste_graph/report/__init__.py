"""Pages about runs, for users and for the authors of tools.

Public modules: `content` (all that the page about a run shows), `page` (the page itself), `server` (the page while the
run is going), `charts`; `outcomes` and `evidence` (sections on trials and on tests), `entries` and `steps` (trials and
replies, and the steps that led to them); `tools` (what runs tell the authors of tools).
"""
