"""The rows of a data set, each with its provenance, each checked as it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ste_graph.contracts import Json
from ste_graph.distil.example import Example
from ste_graph.errors import WorkflowError
from ste_graph.tools.arguments import Arguments as Taker

from .form import Arguments, Form
from .messages import completions_of, messages_of, tools_of
from .paper import dialogues_of, token_of

SHOWN = 8
"""Faults that an error names; the rest is counted."""

_ACTION = re.compile(r"Action: (.+)\nAction Input: (.+)", re.DOTALL)


def provenance(example: Example) -> dict[str, Json]:
    """Where an example comes from, and what it went through."""
    return {
        "run": example.run,
        "run_id": example.run_id,
        "trial": example.trial_id,
        "tool": example.definition.name,
        "fingerprint": example.fingerprint,
        "model": example.model,
        "judge": example.judge,
        "writer": example.writer,
        "licence": example.licence,
        "kind": example.kind,
        "gates": example.gates,
        "split": example.split,
        "cluster": example.cluster,
        "paraphrase_of": example.paraphrase_of,
    }


def rows_of(
    examples: Sequence[Example], form: Form, *, answer: bool = False, arguments: Arguments = Arguments.text
) -> list[dict[str, Json]]:
    """Every row, in the examples' order. Raises `WorkflowError` if one does not fit its tool; it names all of them."""
    rows: list[dict[str, Json]] = []
    faults: list[str] = []
    for example in examples:
        taker = Taker(example.definition.name, example.definition.parameters)
        for row in _written(example, form, answer, arguments):
            faults += [f"{example.definition.name}, trial {example.trial_id}: {fault}" for fault in _faults(row, taker)]
            rows.append({**row, "provenance": provenance(example)})
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        head = f"{len(faults)} of {len(rows)} rows do not fit their tools, so that nothing was written:"
        raise WorkflowError("\n  ".join([head, *faults[:SHOWN], *more]))
    return rows


def _written(example: Example, form: Form, answer: bool, arguments: Arguments) -> list[dict[str, Json]]:
    tools = tools_of(example.definition)
    match form:
        case Form.messages:
            return [{"messages": messages_of(example, answer=answer, arguments=arguments), "tools": tools}]
        case Form.prompt_completion:
            pairs = completions_of(example, answer=answer, arguments=arguments)
            return [{"prompt": prompt, "completion": completion, "tools": tools} for prompt, completion in pairs]
        case Form.paper:
            return dialogues_of(example, answer=answer)


def _faults(row: Mapping[str, Json], taker: Taker) -> Iterator[str]:
    """What is wrong with the calls of a row, read back from it as a trainer would read it."""
    for name, written in _calls(row, taker.tool):
        if name != taker.tool:
            yield f"calls `{name}`"
            continue
        try:
            given = json.loads(written) if isinstance(written, str) else written
        except ValueError:
            yield f"the arguments are no JSON: {written!r:.80}"
            continue
        taken = taker.taken(given)
        if taken.problem or taken.coerced:
            wrong = f"`{'`, `'.join(taken.coerced)}`: of another type than the tool takes"
            yield " ".join((taken.problem or wrong).split())


def _calls(row: Mapping[str, Json], tool: str) -> Iterator[tuple[str, Json]]:
    for message in [*row.get("messages", ()), *row.get("prompt", ()), *row.get("completion", ())]:
        for call in message.get("tool_calls", ()):
            yield call["function"]["name"], call["function"]["arguments"]
    said = [*(turn["content"] for turn in row.get("dialog_history", ()) if turn["role"] == "assistant")]
    for text in [*said, *([row["response"]] if "response" in row else [])]:
        if match := _ACTION.fullmatch(text):
            yield (tool if match[1] == token_of(tool) else match[1]), match[2]
