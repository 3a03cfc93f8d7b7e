"""What a verification of a pack found, for people and for CI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.text import count_noun, printable

Status: TypeAlias = Literal["holds", "lost", "unknown", "note"]
"""`unknown`: too few cases to say. A `note` is for people alone."""

TOO_FEW: Final = 3
"""Exit code: nothing is lost, but there are too few cases to say that all holds."""

_RANK: Final = {"lost": 0, "unknown": 1, "note": 2, "holds": 3}


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
    """What has changed about a tool, field by field."""
    touches: Mapping[str, int] = field(default_factory=dict)
    """How much of the pack is about the tool, by kind."""

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
                whole = {"pack": self.pack, "status": self.status, "simulated": self.simulated, "findings": rows}
                return json.dumps(whole, indent=2, ensure_ascii=False)
            case OutcomeFormat.github:
                return "\n".join(map(_annotation, self.findings))
            case OutcomeFormat.junit:
                return self._junit()

    def _text(self) -> str:
        ordered = sorted(self.findings, key=lambda finding: _RANK[finding.status])
        lines = [f"{finding.status:8}{finding.check}: {finding.text}" for finding in ordered]
        verdict = {
            "holds": "holds",
            "lost": "does not hold any more",
            "unknown": "too few cases to say that it holds",
        }.get(self.status, "holds")
        label = (
            " (simulated: it shows that the plumbing works, and nothing about a real model)" if self.simulated else ""
        )
        return "\n".join([*lines, f"{self.pack}: {verdict}{label}"])

    def _junit(self) -> str:
        from xml.etree import ElementTree

        count = {status: sum(each.status == status for each in self.findings) for status in _RANK}
        counts = {
            "tests": str(len(self.findings)), "failures": str(count["lost"]), "skipped": str(count["unknown"]),
            "errors": "0", "time": "0",
        }  # fmt: skip
        root = ElementTree.Element("testsuites")
        suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(f"ste pack verify {self.pack}"), **counts})
        for finding in self.findings:
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"pack.{finding.check}", name=_xml(finding.name), time="0"
            )
            kind = {"lost": "failure", "unknown": "skipped"}.get(finding.status)
            if kind:
                ElementTree.SubElement(case, kind, message=_xml(finding.text))
            else:
                ElementTree.SubElement(case, "system-out").text = _xml(finding.text)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def count_parts(counts: dict[str, int]) -> str:
    """Counts with their nouns, those of nothing left out; "nothing" without any."""
    return ", ".join(count_noun(count, noun) for noun, count in counts.items() if count) or "nothing"


def _annotation(finding: PackFinding) -> str:
    """A workflow command of GitHub, which shows it beside the change."""
    level = {"lost": "error", "unknown": "warning"}.get(finding.status, "notice")
    title = f"pack, {finding.check}: {finding.name}".replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={_escape(title, more=False)}::{_escape(finding.text)}"


def _escape(text: str, *, more: bool = True) -> str:
    text = printable(text)
    escaped = text.replace("%", "%25") if more else text
    return escaped.replace("\r", "%0D").replace("\n", "%0A")


def _xml(text: str) -> str:
    return printable(text)
