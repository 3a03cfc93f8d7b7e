"""A model whose every utterance can be told apart: what it says in its n-th trial carries an n-th canary."""

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
    "Paint for two walls of twelve square metres: which tins do I buy?",
    "Which of my passwords is the oldest, and should I change it?",
    "Translate the menu of tonight's dinner for a guest from Porto.",
    "A ladder leans at sixty degrees; how high up does it reach?",
]


class Counter:
    """How many requests were made up so far."""

    requests = 0


class Canary(Adapter):
    """Makes up requests, calls the tool once, answers, and says yes; each prompt goes to `heard` with its trial."""

    heard: RelativePath

    @property
    def label(self) -> str:
        return "canary"

    def chat(self) -> Counter:
        return Counter()

    async def ask(self, chat: Counter, request: ModelRequest) -> AIMessage:
        told = list(request.messages)
        last = told[-1]["content"]
        begins = last.endswith("User Query:")
        chat.requests += begins
        trial = chat.requests - 1
        with Path(self.heard).open("a", encoding="utf-8") as heard:
            heard.write(json.dumps({"trial": trial, "told": [message["content"] for message in told]}) + "\n")
        if begins:
            return AIMessage(REQUESTS[trial])
        if last.startswith("Observation:"):
            return AIMessage(f"Thought: thought-canary-{trial} again\nFinal Answer: answer-canary-{trial}")
        if last.endswith('Respond with "Yes" or "No".'):
            return AIMessage(f"Yes, verdict-canary-{trial}.")
        return AIMessage(f'Thought: thought-canary-{trial}\nAction: weigh\nAction Input: {{"number": {trial}}}')
