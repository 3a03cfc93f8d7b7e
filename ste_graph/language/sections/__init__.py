"""The sections of a workflow file, each from its tree to a part of the workflow.

* `schema`: the shapes of all sections; `shape`: the check of a tree against them; `unions`: errors about unions
* `entries`, `plugins`, `setting_values`, `resolution`: entries with a `use:`, from YAML to their classes and settings
* `names`: reserved and duplicate names
* `graph`: `graph:`, from YAML to blocks; `scope`: lifetimes, and the values available at each position
* `bounds`: how often a loop may pass; `parallel`: passes that may run side by side
* `vocabulary`: the names that can be read at a position; `expression_checker`: the expressions, each at its position
* `nodes`, `binding`, `prompts`: nodes, the sources of their inputs, and the names in their prompts
* `memories`, `records`: memories and record types; `record_fields`: `as: NODE`, written out
* `models`, `budgets`: models that are like another one; what is stated at models and in `budget:`
* `calls`: `allow`, `redact`, `cassette` and `reset`
"""
