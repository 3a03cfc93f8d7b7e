"""Forms of learning that are written from trials: a guideline per tool, and rewritten descriptions.

Public modules: `guideline` and `description` (the records), `reading` (of runs), `evidence` (the trials that a model is
asked from), `sentences` (a reply as sentences, each with the trials that it rests on), `claims` (the names and values
in a sentence), `foreign` (text that must not come from a tool's output into a prompt), `search` and `gepa_search`
(which descriptions to propose or to test next), `arms` (what a test shows).
"""
