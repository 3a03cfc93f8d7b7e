"""Packs made by hand, small and quick, and one made from a simulated run of gain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.contracts import Observation
from ste_graph.packs.content import pack_files
from ste_graph.packs.manifest import FORMAT, Manifest, write_pack
from ste_graph.packs.pack import Pack, PackCase, ToolDefinition, open_pack
from ste_graph.packs.values import PackData
from ste_graph.scoring.case import GoldCall

VERIFIED = ["format", "execution", "grounding"]
RUN = "distilled0000000"

TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def area(width: int, height: int) -> int:
    """The area of a rectangle.

    Args:
        width: The width in metres.
        height: The height in metres.
    """
    return width * height


@ste.tool(effect="read")
def upper(text: str) -> str:
    """A text in capitals.

    Args:
        text: The text.
    """
    return text.upper()
'''


class FakeTool:
    """A tool whose definition and behaviour can be changed; counts its calls."""

    def __init__(
        self, name: str, properties: Mapping[str, Any], *, required: list[str] | None = None, effect: str = "read",
        description: str = "", gives: Callable[[Mapping[str, Any]], str] = str,
    ) -> None:  # fmt: skip
        self.name, self.effect, self.gives = name, effect, gives
        self.description = description or f"Tell the {name}."
        needed = list(properties) if required is None else required
        self.parameters = {"type": "object", "properties": dict(properties), "required": needed}
        self.calls: list[Mapping[str, Any]] = []

    async def call(self, arguments: Mapping[str, Any]) -> Observation:
        self.calls.append(arguments)
        return Observation(ok=True, kind="ok", text=self.gives(arguments))


def weather(**changes: Any) -> FakeTool:
    properties = {"place": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "kelvin"]}}
    given = {"required": ["place"], "gives": lambda arguments: f"It rains in {arguments['place']}.", **changes}
    return FakeTool("weather", given.pop("properties", properties), **given)


def notes(**changes: Any) -> FakeTool:
    return FakeTool("notes", {"owner": {"type": "string"}}, **{"gives": lambda arguments: "none", **changes})


def exemplar(tool: str, query: str, arguments: Mapping[str, Any], gave: str, fingerprint: str) -> dict[str, Any]:
    seen = {"ok": True, "kind": "ok", "text": gave}
    call = {"thought": None, "action": tool, "arguments": dict(arguments), "observation": seen}
    return {
        "id": f"{tool} {query}", "query": query, "tool": tool, "fingerprint": fingerprint, "calls": [call],
        "answer": gave,
        "verified": VERIFIED, "run": RUN, "trial_id": query, "model": "simulated",
    }  # fmt: skip


def _case(query: str, tool: str, arguments: dict[str, Any], reference: str) -> PackCase:
    return PackCase(query=query, gold=GoldCall(tool=tool, arguments=arguments), reference=reference)


def plain_data() -> PackData:
    """Two tools, two exemplars of each, a case of each, and a lesson."""
    definitions = {tool.name: ToolDefinition.of(tool) for tool in (weather(), notes())}
    marks = {name: tool.fingerprint for name, tool in definitions.items()}
    exemplars = [
        exemplar(
            "weather", f"How is the weather in {place}?", {"place": place}, f"It rains in {place}.", marks["weather"]
        )
        for place in ("Paris", "Rome")
    ] + [
        exemplar("notes", f"List the notes of {owner}.", {"owner": owner}, "none", marks["notes"])
        for owner in ("Ada Lovelace", "Alan Turing")
    ]
    cases = [
        _case("How is the weather in Oslo?", "weather", {"place": "Oslo"}, "It rains in Oslo."),
        _case("List the notes of Grace Hopper.", "notes", {"owner": "Grace Hopper"}, "none"),
    ]
    lesson = {
        "id": "lesson", "tool": "weather", "argument": "unit", "signature": "unit must be a unit", "wrong": '"C"',
        "right": '"celsius"', "evidence": ["trial"],
    }  # fmt: skip
    return PackData(exemplars, [lesson], [case.model_dump(mode="json") for case in cases], {}, {}, definitions)


EVIDENCE: Mapping[str, Any] = {
    "decision": "adopt", "reason": "the whole interval is above 0", "simulated": True, "baseline": "baseline",
    "candidate": "exemplars", "model": "simulated", "evaluated": "2026-11-28T10:00:00Z", "table": "a table",
    "interval": {"mean": 0.5, "low": 0.2, "high": 0.7, "cases": 40, "level": 0.95}, "runs": {"distil": RUN},
    "settings": {
        "arm": {"name": "exemplars", "exemplars": "nearest"}, "room": 500, "nodes": {"recall": {"k": 8}},
    },
}  # fmt: skip


@pytest.fixture
def data() -> PackData:
    return plain_data()


@pytest.fixture
def make_pack(tmp_path: Path) -> Callable[..., Pack]:
    """Writes a pack: `make_pack(data=…, evidence=…, adopted=…, tools=…)`, and opens it."""

    def make(
        folder: str = "everyday",
        *,
        data: PackData | None = None,
        evidence: Mapping[str, Any] = EVIDENCE,
        **changes: Any,
    ) -> Pack:
        own = data or plain_data()
        given = {
            "format": FORMAT, "name": folder, "made": "2026-11-28T10:00:00Z", "version": "0.1.0", "adopted": True,
            "simulated": True, "arm": "exemplars", "model": "simulated", "forms": ("exemplars", "lessons"),
            "tools": tuple(own.definitions), "files": {}, **changes,
        }  # fmt: skip
        manifest = Manifest(**given)
        write_pack(tmp_path / folder, manifest, pack_files(manifest, own, evidence, {}), force=True)
        return open_pack(tmp_path / folder)

    return make


@pytest.fixture
def pack(make_pack: Callable[..., Pack]) -> Pack:
    return make_pack()


@pytest.fixture(scope="session")
def gain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of gain with a simulated model that profits from exemplars, so that they are adopted."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "my_tools.py").write_text(TOOLS, "utf-8")
    own = {
        "tools": [{"use": "python", "module": str(folder / "my_tools.py")}], "params.episodes": 10,
        "params.heldout": 0.2, "models.learner.mistakes": 0.8,
    }  # fmt: skip
    summary = ste.load("gain", variant="simulated", set=own).run(out=folder / "gain")
    assert summary.complete, summary.failed
    return folder / "gain"
