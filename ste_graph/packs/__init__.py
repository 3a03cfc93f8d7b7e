"""Packs: what was learnt and adopted, in a folder that carries its proof.

Public modules:

* `pack`: a pack, opened for reading; `manifest`: its format and its digests; `check`: whether it is whole and safe
* `sources`, `runs`: the runs that a pack rests on; `content`, `skill`: the files of a new one
* `leaks`, `values`, `texts`: what must not be in it; `pseudonyms`: other values in place of a tool's own
* `drift`, `since`: tools that have changed, and going on from a pack; `untested`: tools without a request in a test
* `gain`: its cases, put to a model again; `outcome`: a verification, for people and for CI
* `usage`: the commands that use it; `overlay`, `proxy`, `proxy_url`: its descriptions over somebody's MCP server
"""
