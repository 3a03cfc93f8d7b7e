"""Values that exist: what read-only tools gave, for requests and calls to other tools.

Public modules: `settings` (`use: values`). Inside, `earlier` reads what tools gave before the run, `fields` finds the
values in a tool's answer, `matching` the parameters that they fit, and `pool` is the opened memory.
"""
