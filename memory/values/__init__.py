"""Values that exist: what read-only tools gave, for requests and calls to other tools.

Public modules: `settings` (`use: values`), `earlier` (what tools gave before the run), `fields` (the values in a tool's
answer), `matching` (the parameters that they fit), `pool` (the opened memory).
"""
