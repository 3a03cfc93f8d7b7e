"""The source of a workflow: files and YAML, as a tree that knows the place of every value.

* `files`: the files that a workflow names, and the bundled workflows; `tool_files`: files that hold tools alone
* `document`: `read` and `parse`, YAML to a tree; `syntax`: explanations of YAML that cannot be parsed
* `tree`: `MappingNode`, `SequenceNode`, `ScalarNode`
* `findings`: `Findings`, the list of the problems of one workflow
"""
