"""Prompts: Markdown with Jinja in it, for models.

* `prompt`: `Prompt`, a template that knows the names it reads; `RenderedPrompt`, `PromptError`
* `template`: the sandboxed Jinja of all prompts
* `turns`: chat turns, from the rendered text to messages
* `reading`: the names that a template reads, and its faults, found without rendering it
* `compilation`, `work`: a template that renders within limits of steps and characters
* `names`, `code_parts`: where a template has its names and its code
* `jinja_errors`: syntax errors of Jinja, explained at their place
"""
