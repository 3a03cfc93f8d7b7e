"""Models for tests, used as a plugin: each gives fixed replies and logs the prompts that it gets."""

import json
from pathlib import Path
from typing import ClassVar

from ste_graph.contracts import ModelRequest
from ste_graph.models.adapter import Adapter, RawReply
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


TOO_CLOSE = "A first try came too close to what was tried before."
"""The text of the prompt that asks again for a request."""


class Logging(Adapter):
    """A model whose `log` gets one line of JSON per request."""

    name: ClassVar[str]
    log: RelativePath

    @property
    def label(self) -> str:
        return self.name

    def append(self, **line: object) -> None:
        with Path(self.log).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


class Script(Logging):
    """Gives the replies in `script`, a JSON list, one after another, and raises when they run out.

    The log has `{"messages": …, "stop": …}` per request.
    """

    name: ClassVar[str] = "script"
    script: RelativePath

    def open_client(self) -> "Script":
        return self

    async def ask(self, request: ModelRequest) -> RawReply:
        replies = json.loads(Path(self.script).read_text("utf-8"))
        log = Path(self.log)
        asked = len(log.read_text("utf-8").splitlines()) if log.exists() else 0
        self.append(messages=list(request.messages), stop=list(request.stop))
        if asked == len(replies):
            raise RuntimeError(f"the script has {asked} replies, and one more was asked for")
        return RawReply(replies[asked])

    async def close(self) -> None: ...


class Canary(Logging):
    """Imagines requests, calls the tool once, answers, says yes; each reply of its n-th trial has an n-th canary.

    The log has `{"trial": n, "messages": [texts]}` per request.
    """

    name: ClassVar[str] = "canary"

    def open_client(self) -> "CanaryClient":
        return CanaryClient(self)


class CanaryClient:
    """Counts the trials of a run: those in the log, which all models with this log share."""

    def __init__(self, model: Logging) -> None:
        self.model = model

    async def ask(self, request: ModelRequest) -> RawReply:
        texts = [message["content"] for message in request.messages]
        log = Path(self.model.log)
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        begun = sum(self.begins_trial(json.loads(line)["messages"][-1]) for line in lines)
        trial = begun + self.begins_trial(texts[-1]) - 1
        self.model.append(trial=trial, messages=texts)
        return RawReply(self.reply(texts[-1], request, trial))

    def begins_trial(self, last: str) -> bool:
        return last.endswith("User Query:")

    def reply(self, last: str, request: ModelRequest, trial: int) -> str:
        if last.endswith("User Query:"):
            return REQUESTS[trial]
        if last.startswith("Observation:"):
            return f"Thought: thought-canary-{trial} again\nFinal Answer: answer-canary-{trial}"
        if last.endswith('Respond with "Yes" or "No".'):
            return f"Yes, verdict-canary-{trial}."
        return f'Thought: thought-canary-{trial}\nAction: weigh\nAction Input: {{"number": {trial}}}'

    async def close(self) -> None: ...


class Blundering(Logging):
    """Imagines its first request first in every trial, and calls with a number that is too high, then rightly.

    The log has `{"trial": n, "messages": [texts]}` per request.
    """

    name: ClassVar[str] = "blundering"

    def open_client(self) -> "BlunderingClient":
        return BlunderingClient(self)


class BlunderingClient(CanaryClient):
    """Repeats its mistake in every trial."""

    def begins_trial(self, last: str) -> bool:
        return last.endswith("User Query:") and TOO_CLOSE not in last

    def reply(self, last: str, request: ModelRequest, trial: int) -> str:
        if last.endswith("User Query:"):
            return REQUESTS[trial if TOO_CLOSE in last else 0]
        if last.endswith('Respond with "Yes" or "No".'):
            return "Yes."
        if last.startswith("Observation:"):
            recent = [message for message in request.messages[-4:] if message["role"] == "assistant"]
            if '"number": 90}' in "".join(message["content"] for message in recent):
                return "Thought: done\nFinal Answer: It is light."
            return 'Thought: repair it\nAction: weigh\nAction Input: {"number": 90}'
        return 'Thought: try\nAction: weigh\nAction Input: {"number": 700}'
