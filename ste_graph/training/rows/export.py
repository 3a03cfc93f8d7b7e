"""Examples as rows of a data set, each with its provenance, each checked against its tool."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ste_graph.contracts import Json
from ste_graph.distil.example import Example
from ste_graph.errors import WorkflowError
from ste_graph.text import first_lines
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.training.rows.examples import SHOWN
from ste_graph.training.rows.format import ArgumentFormat, RowFormat
from ste_graph.training.rows.messages import messages_from_example, tools_list, turns_from_example
from ste_graph.training.rows.paper import dialogues_from_example, tool_token

_ACTION = re.compile(r"Action: (.+)\nAction Input: (.+)", re.DOTALL)


def provenance(example: Example) -> dict[str, Json]:
    """The origin of an example, and the gates that it passed."""
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


def rows_from_examples(
    examples: Sequence[Example],
    form: RowFormat,
    *,
    answer: bool = False,
    arguments: ArgumentFormat = ArgumentFormat.text,
) -> list[dict[str, Json]]:
    """Returns every row, in the examples' order.

    Raises `WorkflowError` that names all rows whose calls do not fit their tool.
    """
    rows: list[dict[str, Json]] = []
    faults: list[str] = []
    for example in examples:
        name = example.definition.name
        check = ArgumentChecker(name, example.definition.parameters)
        for row in _example_rows(example, form, answer, arguments):
            faults += [f"{name}, trial {example.trial_id}: {fault}" for fault in _call_faults(row, check)]
            rows.append({**row, "provenance": provenance(example)})
    if faults:
        head = f"{len(faults)} of {len(rows)} rows do not fit their tools, so that nothing was written:"
        raise WorkflowError("\n".join([head, *first_lines([f"  {fault}" for fault in faults], SHOWN)]))
    return rows


def _example_rows(example: Example, form: RowFormat, answer: bool, arguments: ArgumentFormat) -> list[dict[str, Json]]:
    tools = tools_list(example.definition)
    match form:
        case RowFormat.messages:
            return [{"messages": messages_from_example(example, answer=answer, arguments=arguments), "tools": tools}]
        case RowFormat.prompt_completion:
            turns = turns_from_example(example, answer=answer, arguments=arguments)
            return [{"prompt": prompt, "completion": completion, "tools": tools} for prompt, completion in turns]
        case RowFormat.paper:
            return dialogues_from_example(example, answer=answer)


def _call_faults(row: Mapping[str, Json], check: ArgumentChecker) -> Iterator[str]:
    """The faults of the calls of a row, read back from it as a trainer would read it."""
    for name, written in _calls(row, check.tool):
        if name != check.tool:
            yield f"calls `{name}`"
            continue
        try:
            arguments = json.loads(written) if isinstance(written, str) else written
        except ValueError:
            yield f"the arguments are not valid JSON: {written!r:.80}"
            continue
        taken = check.check(arguments)
        if taken.problem or taken.coerced:
            wrong = f"`{'`, `'.join(taken.coerced)}`: of another type than the tool takes"
            yield " ".join((taken.problem or wrong).split())


def _calls(row: Mapping[str, Json], tool: str) -> Iterator[tuple[str, Json]]:
    for message in [*row.get("messages", ()), *row.get("prompt", ()), *row.get("completion", ())]:
        for call in message.get("tool_calls", ()):
            yield call["function"]["name"], call["function"]["arguments"]
    texts = [turn["content"] for turn in row.get("dialog_history", ()) if turn["role"] == "assistant"]
    for text in [*texts, *([row["response"]] if "response" in row else [])]:
        if match := _ACTION.fullmatch(text):
            yield (tool if match[1] == tool_token(tool) else match[1]), match[2]
