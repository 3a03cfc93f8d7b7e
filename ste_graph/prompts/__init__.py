"""Prompts: Markdown with Jinja in it, for models.

* `prompt`: `Prompt`, a template that knows the names it reads; `RenderedPrompt`, `PromptError`
* `template`: the sandboxed Jinja of all prompts
* `turns`: chat turns, and faults in their order
* `reading`: the names that a template reads, and its faults, found without rendering it
* `compilation`, `work`: a template that counts its steps, and stops where there are too many
* `names`, `code_parts`: where a template has its names and its code
* `jinja_errors`: syntax errors of Jinja, explained at their place
"""
