"""The language: from YAML to a checked workflow. Its modules, in reading order.

* `source`: files and YAML, as a tree that knows the place of every value
* `expressions`: the expressions in a workflow: grammar, types, interpreter
* `blocks`, `workflow`: the result: a `Workflow` in which everything is resolved, typed and bound
* `sections`: the sections of a file, each from its tree to a part of the result
* `composition`, `paths`: `extends`, `set`, variants and `--set`
* `subworkflows`, `variant`: `run:` blocks, and the request to check one variant
* `check`: the phases of the check; `lock`: the workflow as plain data, which a resumed run must equal
* `loading`: `load`, from a file to the chosen variant, with all variants checked
* `json_schema`: the JSON Schema for editors; `reference`: the reference in Markdown that is made from it
"""
