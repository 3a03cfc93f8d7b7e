"""The findings about a model and its server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.models.chat.adaptation import AS_ASKED, Adaptation
from ste_graph.text import align_columns

Outcome: TypeAlias = Literal["yes", "adapted", "ignored", "no", "unknown"]
"""It works · it is refused, and requests are made to fit · it is taken and has no effect · it does not work."""

Protocol: TypeAlias = Literal["native", "json", "react"]


MARKS: Final[Mapping[Outcome, str]] = {
    "yes": "ok",
    "adapted": "adapted",
    "ignored": "ignored",
    "no": "no",
    "unknown": "?",
}


@dataclass(frozen=True, slots=True)
class ServerFinding:
    """One thing that was tried."""

    subject: str
    outcome: Outcome
    note: str

    def to_json(self) -> dict[str, Json]:
        """The finding for other programs."""
        return {"subject": self.subject, "outcome": self.outcome, "note": self.note}


@dataclass(slots=True)
class Diagnosis:
    """All that was found out about one server and model."""

    names: tuple[str, ...]
    """The models of the workflow that it is; () where none is asked."""
    label: str
    location: str
    findings: list[ServerFinding] = field(default_factory=list)
    adaptation: Adaptation = AS_ASKED
    protocol: Protocol = "react"
    """The form in which calls are best asked for."""
    at_once: int | None = None
    """The number of requests at once that brings more replies a second, or None if that was not found out."""
    context: int | None = None
    """Tokens that are read for sure, reply included; None if all that was sent was read."""
    thinking_tokens: int = 0
    """Tokens that a reply needs for thoughts, in addition to its own."""
    timeout_s: float | None = None
    """Seconds that one try needs; None if the model's own limit does."""
    seconds: float = 0.0
    """The duration of the examination."""

    def add(self, subject: str, outcome: Outcome, note: str) -> None:
        """Note one thing that was tried."""
        self.findings.append(ServerFinding(subject, outcome, note))

    def find(self, subject: str) -> ServerFinding | None:
        """The finding on a subject."""
        return next((finding for finding in self.findings if finding.subject == subject), None)

    def to_json(self) -> dict[str, Json]:
        """The diagnosis for other programs; the keys are a promise."""
        return {
            "models": list(self.names),
            "label": self.label,
            "server": self.location,
            "findings": [finding.to_json() for finding in self.findings],
            "adaptation": self.adaptation.to_json(),
            "protocol": self.protocol,
            "at_once": self.at_once,
            "context": self.context,
            "thinking_tokens": self.thinking_tokens,
            "timeout_s": self.timeout_s,
            "seconds": round(self.seconds, 1),
        }

    def to_text(self) -> str:
        """The table for a person."""
        names = f"{', '.join(self.names)}: " if self.names else ""
        lines = [f"{names}{self.label}" + (f" at {self.location}" if self.location else "")]
        rows = [(finding.subject, MARKS[finding.outcome], finding.note) for finding in self.findings]
        return "\n".join([*lines, *(f"  {line}" for line in align_columns(rows, left=(0, 1, 2)))])
