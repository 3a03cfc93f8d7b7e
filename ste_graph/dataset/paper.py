"""Examples in the paper's text form: a dialogue without any description of tools, and the response to learn."""

from __future__ import annotations

import json
from typing import Final

from ste_graph.contracts import Json, Message
from ste_graph.distil.example import Example

SYSTEM: Final = "Tools are at your service now. Call one of them, or give your final answer."
"""The system message, in our words: the released code reads its own from a file."""


def token_of(tool: str) -> str:
    """What stands for a tool's name: in the paper one new token of the vocabulary."""
    return f"<tool_{tool}>"


def dialogues_of(example: Example, *, answer: bool) -> list[dict[str, Json]]:
    """One row per call, and with `answer` one for the final answer: `{dialog_history, response}`.

    Where no call is to be learnt, the one row is the answer's.
    """
    history: list[Message] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": example.query}]
    rows: list[dict[str, Json]] = []
    for step in example.steps:
        written = json.dumps(step.arguments or {}, ensure_ascii=False)
        response = f"Action: {token_of(str(step.action))}\nAction Input: {written}"
        rows.append({"dialog_history": list(history), "response": response})
        seen = step.observation.text if step.observation else ""
        history += [{"role": "assistant", "content": response}, {"role": "user", "content": f"Observation: {seen}"}]
    if (answer and example.answer is not None) or not example.steps:
        rows.append({"dialog_history": list(history), "response": f"Final Answer: {example.answer or ''}"})
    return rows
