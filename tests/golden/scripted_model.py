"""A model that gives the replies of a script, one after another, and writes down what it was told."""

import json
from pathlib import Path

from langchain_core.messages import AIMessage

from ste_graph.contracts import ModelRequest
from ste_graph.models.adapter import Adapter
from ste_graph.settings import RelativePath


class Scripted(Adapter):
    """`script` is a JSON list of replies; `heard` gets one line `{"messages": …, "stop": …}` per request."""

    script: RelativePath
    heard: RelativePath

    @property
    def label(self) -> str:
        return "scripted"

    def chat(self) -> None:
        return None

    async def ask(self, chat: None, request: ModelRequest) -> AIMessage:
        replies = json.loads(Path(self.script).read_text("utf-8"))
        heard = Path(self.heard)
        asked = len(heard.read_text("utf-8").splitlines()) if heard.exists() else 0
        with heard.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"messages": list(request.messages), "stop": list(request.stop)}) + "\n")
        if asked == len(replies):
            raise RuntimeError(f"the script has {asked} replies, and one more was asked for")
        return AIMessage(replies[asked])
