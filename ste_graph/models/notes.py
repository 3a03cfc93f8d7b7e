"""The notes of a run about its model servers: what was learnt, tried again and noticed."""

from __future__ import annotations

from ste_graph.contracts import Json
from ste_graph.models.chat.adaptation import Adaptation, Adaptations
from ste_graph.models.limiter import LimitChange


class ServerNotes:
    """Remembers what was learnt. A run's own keeps the rest too, and tells it a person; this one does not."""

    def __init__(self, adaptations: Adaptations | None = None) -> None:
        self.adaptations = adaptations or Adaptations()
        self._told: set[str] = set()

    def learn(self, server: str, adaptation: Adaptation, what: str, why: str) -> None:
        """From now on, requests to this server and model differ in this way; `why` has the server's words."""
        self.adaptations.learn(server, adaptation)
        self.remark("adapted", f"{server}: {what} from now on, as the server answered: {why}", what=what)

    def remark_once(self, kind: str, text: str, **facts: Json) -> None:
        """The same as `remark`, but only the first time for this text."""
        if text not in self._told:
            self._told.add(text)
            self.remark(kind, text, **facts)

    def remark(self, kind: str, text: str, **facts: Json) -> None:
        """Something that a person should know."""

    def count_retry(self, model: str, reason: str, why: str) -> None:
        """A request is made again; `reason` is its kind."""

    def change_limit(self, server: str, change: LimitChange) -> None:
        """The bound of requests in flight at a server is another one from now on."""
