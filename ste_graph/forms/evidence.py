"""Evidence: the trials of a tool that a model is asked from, numbered, each short enough for a prompt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ste_graph.contracts import Frozen, Json
from ste_graph.contracts.failure import CALL_AT_FAULT, has_succeeded

EvidenceKind: TypeAlias = Literal["kept", "failed"]
"""Kept: trials that passed the gates, calls that worked. Failed: trials in which a call was at fault."""

LONGEST_OBSERVATION = 160
"""The most characters of the result of a call."""


class NumberedCall(Frozen):
    """One call of a trial, as a prompt shows it: `arguments` is JSON on one line."""

    action: str
    arguments: str
    observation: str
    ok: bool


class NumberedTrial(Frozen):
    """A trial under the number by which a reply may cite it, from 1."""

    number: int
    id: str
    query: str
    calls: tuple[NumberedCall, ...]

    @property
    def source(self) -> str:
        """All that the trial says, to look a name or a value up in."""
        calls = (f"{call.action} {call.arguments}\n{call.observation}" for call in self.calls)
        return "\n".join([self.query, *calls])


def choose_evidence(tool: Mapping[str, Any], kinds: Sequence[EvidenceKind], k: int) -> list[NumberedTrial]:
    """At most k trials of each kind, numbered through, those first that show what none before them does.

    That is another error, or other parameters. `tool` has `trials` and `failures`, each with `id`, `query` and `steps`;
    a trial that is among both is taken once. The order depends on the trials alone.
    """
    chosen: dict[str, Mapping[str, Any]] = {}
    for kind in kinds:
        own = [trial for trial in tool["trials" if kind == "kept" else "failures"] if trial["id"] not in chosen]
        chosen |= {str(trial["id"]): trial for trial in _spread(own, kind, k)}
    return [_number(number, trial) for number, trial in enumerate(chosen.values(), start=1)]


def _spread(trials: Sequence[Mapping[str, Any]], kind: EvidenceKind, k: int) -> list[Mapping[str, Any]]:
    remaining = list(trials)
    chosen: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while remaining and len(chosen) < k:
        best = max(remaining, key=lambda trial: (len(_marks(trial, kind) - seen), -len(str(trial["query"]))))
        seen |= _marks(best, kind)
        remaining.remove(best)
        chosen.append(best)
    return chosen


def definition_text(tool: Mapping[str, Any]) -> str:
    """All that a tool's definition says, to look a name or a value up in."""
    schema = json.dumps(tool.get("parameters") or {}, ensure_ascii=False)
    return f"{tool['name']}\n{tool.get('description') or ''}\n{schema}"


def _number(number: int, trial: Mapping[str, Any]) -> NumberedTrial:
    calls = tuple(_calls(trial["steps"]))
    return NumberedTrial(number=number, id=str(trial["id"]), query=_line(trial["query"]), calls=calls)


def _calls(steps: Iterable[Mapping[str, Any]]) -> Iterable[NumberedCall]:
    for step in steps:
        seen = step.get("observation")
        if step.get("action") and seen:
            arguments = json.dumps(step.get("arguments") or {}, ensure_ascii=False)
            text = _shorten(_line(seen["text"]))
            yield NumberedCall(action=step["action"], arguments=arguments, observation=text, ok=has_succeeded(seen))


def _marks(trial: Mapping[str, Any], kind: EvidenceKind) -> set[str]:
    """The marks of a trial: the parameters of its calls, and of failed ones the beginning of the error."""
    if kind == "failed":
        return {_line(step["observation"]["text"])[:40] for step in _faults(trial)}
    return {name for step in trial["steps"] for name in step.get("arguments") or {}}


def _faults(trial: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps whose call was at fault; those that could not be read as a call show nothing of the tool."""
    return [
        step
        for step in trial["steps"]
        if step.get("action") and (seen := step.get("observation")) and seen["kind"] in CALL_AT_FAULT
    ]


def _line(text: Json) -> str:
    """A text in one line, without characters that no person sees."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text or "")).split())


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_OBSERVATION else f"{text[:LONGEST_OBSERVATION]} …"
