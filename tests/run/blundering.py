"""A model that makes a mistake, mends it, and asks again what was asked before."""

import json
from pathlib import Path

from langchain_core.messages import AIMessage

from ste_graph.contracts import ModelRequest
from ste_graph.models.adapter import Adapter
from ste_graph.settings import RelativePath

REQUESTS = [
    "How many violins does an orchestra of ninety people usually have?",
    "My cat weighs four kilos, what dose of the syrup is right?",
    "Tell me when the ferry to the northern island leaves on Sunday.",
    "Is a cheque from nineteen eighty still worth anything today?",
]


class Counter:
    """How many trials have begun."""

    trials = 0


class Blundering(Adapter):
    """Asks its first request first in every trial, calls with a text where a number is due, then rightly."""

    heard: RelativePath

    @property
    def label(self) -> str:
        return "blundering"

    def chat(self) -> Counter:
        return Counter()

    async def ask(self, chat: Counter, request: ModelRequest) -> AIMessage:
        told = list(request.messages)
        last = told[-1]["content"]
        again = last.startswith("That request is too close")
        chat.trials += last.endswith("User Query:") and not again
        with Path(self.heard).open("a", encoding="utf-8") as heard:
            heard.write(json.dumps({"trial": chat.trials - 1, "told": [message["content"] for message in told]}) + "\n")
        if last.endswith("User Query:"):
            return AIMessage(REQUESTS[chat.trials - 1 if again else 0])
        if last.endswith('Respond with "Yes" or "No".'):
            return AIMessage("Yes.")
        if last.startswith("Observation:"):
            calls = "".join(message["content"] for message in told[-4:] if message["role"] == "assistant")
            if '"number": 7}' in calls:
                return AIMessage("Thought: done\nFinal Answer: It is light.")
            return AIMessage('Thought: mend it\nAction: weigh\nAction Input: {"number": 7}')
        return AIMessage('Thought: try\nAction: weigh\nAction Input: {"number": 700}')
