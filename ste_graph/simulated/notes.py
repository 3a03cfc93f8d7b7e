"""Notes on a tool and better documentation of it, made of the numbered trials in a message."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ste_graph.simulated.reading import ShownTool

FORM_MARK = "Written as in"
"""The words by which the description of a parameter shows the form of its values."""

_TRIAL = re.compile(r"^Trial (\d+): (.*)$", re.MULTILINE)
_CALL = re.compile(r"^Call: (\{.*\})\n(Result|Failed): (.*)$", re.MULTILINE)
_QUESTION = re.compile(r"^Question: (.*)$", re.MULTILINE)
_LONGEST = 60


class ShownTrial(NamedTuple):
    """A numbered trial: its request, the calls that worked, and those that failed with their errors."""

    number: int
    query: str
    worked: list[dict[str, Any]]
    failed: list[tuple[dict[str, Any], str]]


def read_numbered_trials(text: str) -> list[ShownTrial]:
    """The numbered trials in a text, in order."""
    heads = list(_TRIAL.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    found = []
    for head, end in zip(heads, ends, strict=True):
        worked, failed = [], []
        for match in _CALL.finditer(text, head.end(), end):
            try:
                arguments = json.loads(match[1])
            except ValueError:
                continue
            if match[2] == "Result":
                worked.append(arguments)
            else:
                failed.append((arguments, match[3]))
        found.append(ShownTrial(int(head[1]), head[2], worked, failed))
    return found


def write_notes(text: str) -> str:
    """Sentences that answer the question in a message, each with the numbers of its trials; `nothing` without any."""
    trials = read_numbered_trials(text)
    asked = _QUESTION.search(text)
    question = asked[1].lower() if asked else ""
    if "form" in question:
        sentences = _form_notes(trials)
    elif "mistake" in question or " not do" in question:
        sentences = _failure_notes(trials)
    else:
        sentences = [
            f'People ask for it as in "{trial.query}" [{trial.number}]'
            for trial in trials
            if not re.search(r"[\"`']", trial.query) and len(trial.query) <= 2 * _LONGEST
        ]
    return "\n".join(sentences[:2]) or "nothing"


def write_documentation(text: str, tool: ShownTool) -> dict[str, Any]:
    """Descriptions of a tool and its parameters: those that it has, with the form of values that have worked."""
    forms = _forms(read_numbered_trials(text))
    parameters = {}
    for name, part in tool.properties.items():
        known = str(part.get("description") or "").strip()
        shown = f"{FORM_MARK} {forms[name][1]}." if name in forms and FORM_MARK not in known else ""
        parameters[name] = f"{known} {shown}".strip()
    return {"description": tool.description, "parameters": parameters}


def read_described_forms(tool: ShownTool) -> list[str]:
    """The names of parameters whose descriptions show the form of their values."""
    return [name for name, part in tool.properties.items() if FORM_MARK in str(part.get("description") or "")]


def _form_notes(trials: list[ShownTrial]) -> list[str]:
    forms = _forms(trials)
    if not forms:
        return []
    numbers = ", ".join(map(str, sorted({number for number, _ in forms.values()})))
    named = [f"`{name}` as in {value}" for name, (_, value) in forms.items()]
    return [f"The tool takes {'; '.join(named)} [{numbers}]"]


def _failure_notes(trials: list[ShownTrial]) -> list[str]:
    found = []
    for trial in trials:
        for arguments, error in trial.failed[:1]:
            named = [name for name in arguments if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error)]
            if named:
                found.append(f"Calls fail for `{named[0]}` where it is not as the tool wants it [{trial.number}]")
    return list(dict.fromkeys(found))


def _forms(trials: list[ShownTrial]) -> Mapping[str, tuple[int, str]]:
    """By parameter the number of a trial in which a value worked, and the value."""
    found: dict[str, tuple[int, str]] = {}
    for trial in trials:
        for arguments in trial.worked:
            for name, value in arguments.items():
                written = json.dumps(value, ensure_ascii=False)
                if name not in found and len(written) <= _LONGEST and "`" not in written and "\\" not in written:
                    found[name] = (trial.number, written)
    return found
