"""Examples in the paper's text form: a dialogue without any description of tools, and the response to learn."""

from __future__ import annotations

import json
from typing import Final

from ste_graph.contracts import Json, Message
from ste_graph.distil.example import Example

SYSTEM: Final = "Tools are at your service now. Call one of them, or give your final answer."
"""The system message, in our words: the released code reads its own from a file."""


def tool_token(tool: str) -> str:
    """The text that replaces a tool's name; in the paper, one new token of the vocabulary."""
    return f"<tool_{tool}>"


def dialogues_from_example(example: Example, *, answer: bool) -> list[dict[str, Json]]:
    """One row `{dialog_history, response}` per call, and with `answer` one for the final answer.

    An example without calls has one row, for its answer.
    """
    history: list[Message] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": example.query}]
    rows: list[dict[str, Json]] = []
    for step in example.steps:
        arguments = json.dumps(step.arguments or {}, ensure_ascii=False)
        response = f"Action: {tool_token(str(step.action))}\nAction Input: {arguments}"
        rows.append({"dialog_history": list(history), "response": response})
        text = step.observation.text if step.observation else ""
        history += [{"role": "assistant", "content": response}, {"role": "user", "content": f"Observation: {text}"}]
    if (answer and example.answer is not None) or not example.steps:
        rows.append({"dialog_history": list(history), "response": f"Final Answer: {example.answer or ''}"})
    return rows
