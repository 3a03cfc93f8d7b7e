"""The outcome of a verification of a pack, for people and for CI."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ste_graph.text import count_noun, printable

if TYPE_CHECKING:
    from ste_graph.contracts import Json

Status: TypeAlias = Literal["holds", "lost", "unknown", "note"]
"""`unknown`: too few cases to say, or no answer. A `note` is for people alone."""

TOO_FEW: Final = 3
"""Exit code: nothing is lost, but there are too few cases to say that all holds."""

SIMULATED: Final = "simulated: it shows that the plumbing works, and nothing about a real model"

_RANK: Final = {"lost": 0, "unknown": 1, "note": 2, "holds": 3}

_VERDICTS: Final[Mapping[Status, str]] = {
    "holds": "holds", "lost": "does not hold any more", "unknown": "too little was tried to say that it holds",
}  # fmt: skip

GONE: Final = ("gone",)
"""The changes of a tool that is no longer there."""

_NEXT: Final[Mapping[tuple[str, Status], str]] = {
    ("tools", "lost"): "explore the tools that have changed, and decide again: ste run gain {tools} --since {pack}",
    ("gone", "lost"): "put the tool back, or name the file that has it; the pack still serves the others, and what "
    "it is worth without that tool is measured anew: ste run gain {tools}",
    ("all gone", "lost"): "does --tools name the right file? These are other tools, and need a pack of their own: "
    "ste run gain {tools}",
    ("calls", "lost"): "find out why these calls fail; if they are to fail, explore and decide again: ste run gain "
    "{tools}",
    ("calls", "unknown"): "start the service that the tools call, and verify again",
    ("gain", "lost"): "do not use it with this model; to find out what helps that one: ste run gain {tools}",
    ("gain", "unknown"): "test with all cases (without --cases); if they are too few, explore more for the next pack: "
    "ste run gain {tools} --set params.episodes=NUMBER",
}
"""The advice about a finding, by its check and status; of a tool that is gone, by `gone` or, if all are, `all gone`.
`pack` and `tools` are for a shell."""


class OutcomeFormat(StrEnum):
    """Text for a person, data for a program, annotations for GitHub, or a test report for CI."""

    text = "text"
    json = "json"
    github = "github"
    junit = "junit"


@dataclass(frozen=True, slots=True)
class PackFinding:
    """One thing that was verified: `check` is `tools`, `calls` or `gain`, `name` what it is about."""

    check: str
    name: str
    status: Status
    text: str
    changes: tuple[str, ...] = ()
    """The changes of a tool, field by field."""
    touches: Mapping[str, int] = field(default_factory=dict)
    """The number of items of the pack that are about the tool, by kind."""

    def to_json(self) -> dict[str, Json]:
        """The finding for programs."""
        plain: dict[str, Json] = {
            "check": self.check, "name": self.name, "status": self.status, "text": self.text,
        }  # fmt: skip
        if self.check == "tools":
            plain |= {"changes": list(self.changes), "touches": dict(self.touches)}
        return plain


@dataclass(slots=True)
class PackOutcome:
    """The findings about a pack, as they came."""

    pack: str
    simulated: bool = False
    tools: str = "--set 'tools=[…]'"
    """The options of `ste run gain` that name the tools as they are now, for a shell."""
    findings: list[PackFinding] = field(default_factory=list)

    def add(
        self, check: str, name: str, status: Status, text: str, *, changes: Sequence[str] = (),
        touches: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.findings.append(PackFinding(check, name, status, text, tuple(changes), touches or {}))

    @property
    def status(self) -> Status:
        """The worst status of a finding that is more than a note."""
        found = [finding.status for finding in self.findings if finding.status != "note"]
        return min(found, key=_RANK.__getitem__, default="unknown")

    @property
    def next_steps(self) -> list[str]:
        """The steps to take about it, each once."""
        ordered = sorted(self.findings, key=lambda finding: _RANK[finding.status])
        return list(dict.fromkeys(filter(None, map(self._next_step, ordered))))

    def _next_step(self, finding: PackFinding) -> str:
        about = finding.check
        if finding.changes == GONE:
            there = [each for each in self.findings if each.check == "tools" and each.changes != GONE]
            about = "gone" if any(each.status != "note" for each in there) else "all gone"
        return _NEXT.get((about, finding.status), "").format(pack=shlex.quote(self.pack), tools=self.tools)

    @property
    def summary(self) -> str:
        """The verdict, and a line for each thing to do."""
        verdict = f"{self.pack}: {_VERDICTS[self.status]}{f' ({SIMULATED})' if self.simulated else ''}"
        return "\n".join([verdict, *(f"next: {step}" for step in self.next_steps)])

    @property
    def exit_code(self) -> int:
        """0 if all holds, 1 if something is lost, 3 if there are too few cases to say."""
        return {"holds": 0, "lost": 1}.get(self.status, TOO_FEW)

    def render(self, format: OutcomeFormat) -> str:
        """The findings in a format."""
        match format:
            case OutcomeFormat.text:
                return self._text()
            case OutcomeFormat.json:
                rows = [finding.to_json() for finding in self.findings]
                whole = {
                    "pack": self.pack, "status": self.status, "exit_code": self.exit_code, "simulated": self.simulated,
                    "findings": rows, "next": self.next_steps,
                }  # fmt: skip
                return json.dumps(whole, indent=2, ensure_ascii=False)
            case OutcomeFormat.github:
                # The whole comes first: GitHub shows ten of a kind at most.
                texts = [(self.status, self.pack, self.summary)]
                texts += [(each.status, f"{each.check}: {each.name}", each.text) for each in self.findings]
                return "\n".join(_annotation(status, f"pack, {title}", text) for status, title, text in texts)
            case OutcomeFormat.junit:
                return self._junit()

    def _text(self) -> str:
        ordered = sorted(self.findings, key=lambda finding: _RANK[finding.status])
        lines = [f"{finding.status:8}{finding.check}: {finding.text}" for finding in ordered]
        return "\n".join([*lines, self.summary])

    def _junit(self) -> str:
        from xml.etree import ElementTree

        count = {status: sum(each.status == status for each in self.findings) for status in _RANK}
        counts = {
            "tests": str(len(self.findings)), "failures": str(count["lost"]), "skipped": str(count["unknown"]),
            "errors": "0", "time": "0",
        }  # fmt: skip
        root = ElementTree.Element("testsuites")
        suite = ElementTree.SubElement(root, "testsuite", {"name": printable(f"ste pack verify {self.pack}"), **counts})
        for finding in self.findings:
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"pack.{finding.check}", name=printable(finding.name), time="0"
            )
            kind = {"lost": "failure", "unknown": "skipped"}.get(finding.status)
            if kind:
                ElementTree.SubElement(case, kind, message=printable(finding.text)).text = printable(
                    self._next_step(finding)
                )
            else:
                ElementTree.SubElement(case, "system-out").text = printable(finding.text)
        ElementTree.SubElement(suite, "system-out").text = printable(self.summary)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def count_parts(counts: dict[str, int]) -> str:
    """Counts with their nouns, those of nothing left out; "nothing" without any."""
    return ", ".join(count_noun(count, noun) for noun, count in counts.items() if count) or "nothing"


def _annotation(status: Status, title: str, text: str) -> str:
    """A workflow command of GitHub, which shows it beside the change."""
    level = {"lost": "error", "unknown": "warning"}.get(status, "notice")
    return f"::{level} title={_escape(title).replace(':', '%3A').replace(',', '%2C')}::{_escape(text)}"


def _escape(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
