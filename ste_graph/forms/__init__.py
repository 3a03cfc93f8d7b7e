"""Forms of learning that are written from trials: a guideline per tool, and rewritten descriptions.

Public modules:

* `guideline`, `description`: the records; `reading`: those of a run
* `evidence`: the trials that a model is asked from; `sentences`: a reply as sentences, each with its trials
* `claims`, `contradictions`: the names and values in a sentence, and what the trials say against it
* `foreign`: text that must not come from a tool's output into a prompt
* `search`, `gepa_search`: which descriptions to propose or to test next; `arms`: what a test shows
"""
