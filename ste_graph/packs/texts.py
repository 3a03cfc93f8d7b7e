"""The texts of a pack that a model has written: what must not come into prompts by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ste_graph.distil.reading.normalisation import contains_words
from ste_graph.errors import WorkflowError
from ste_graph.forms.evidence import definition_text
from ste_graph.forms.foreign import find_foreign
from ste_graph.packs.runs import find_origins
from ste_graph.packs.sources import PackSource
from ste_graph.packs.values import PackData
from ste_graph.training.rows.held_out import HeldOut

SHORTEST = 4
"""Characters of a held-out value that a text may not have, at least: `7` says nothing about a request."""


def require_clean_texts(source: PackSource, data: PackData) -> None:
    """Requires that no guideline and no description has an order of a tool's output, or a value that is held out.

    What was written was checked then; the run may have been changed since, or be somebody else's. Raises
    `WorkflowError` that names tool and find.
    """
    texts = [(f"the guideline of the tool `{tool}`", tool, [text]) for tool, text in data.guideline.items()]
    texts += [
        (
            f"the rewritten description of the tool `{tool}`",
            tool,
            [text for text in (own.description, *own.parameters.values()) if text],
        )
        for tool, own in data.descriptions.items()
    ]
    if not texts:
        return
    held_out = HeldOut(source.examples, source.examples.apart)
    learnt = list(_learnt_trials(source))
    for where, tool, parts in texts:
        definition = definition_text(data.definitions[tool].model_dump())
        own = [trial for trial in learnt if trial["tool"] == tool]
        learnt_text = "\n".join(str(trial["said"]) for trial in own)
        telling = [value for value in held_out.values(tool) if len(str(value)) >= SHORTEST]
        hidden = [value for value in telling if not contains_words(learnt_text, str(value))]
        gave = [text for trial in own for text in trial["gave"]]
        for text in parts:
            found = find_foreign(text, definition=definition, observations=gave, held_out=hidden)
            if found:
                raise WorkflowError(
                    f"{source.run}: {where} holds {found[0]}, which must not come into a prompt; nothing was written. "
                    "Write it again (`ste run gain` with another --out), or leave its form out of `params.arms`"
                )


def _learnt_trials(source: PackSource) -> Iterator[dict[str, Any]]:
    """The trials that the writer may have seen: of the training side, and of the exploration but what is held out."""
    apart = {example.trial_id for example in source.examples if example.split == "heldout"}
    for example in source.examples:
        if example.split != "heldout":
            steps = [step.model_dump(mode="json") for step in example.steps]
            yield _trial(example.definition.name, example.query, steps)
    explored = find_origins(source.distilled).get("explore")
    for trial in explored.trials() if explored is not None else ():
        if trial.line["id"] not in apart:
            yield _trial(trial.tool, trial.line["query"], trial.line["steps"])


def _trial(tool: str, query: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    gave = [str((step.get("observation") or {}).get("text") or "") for step in steps]
    return {"tool": tool, "said": [query, *(step.get("arguments") for step in steps), *gave], "gave": gave}
