"""Stand-ins for a proof: a model whose replies have canaries in them, and two tools that nothing is behind.

Their replies and results are such that requests pass the checks, some calls fail and are then mended, and the second
tool needs ids that the first gives: so that what nodes draw from a memory (lessons, values that exist) is there.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Final

from ste_graph.contracts import SIMULATED, Effect, Json, ModelRequest, Observation, Tool
from ste_graph.json_values import map_leaves
from ste_graph.lab.proofs.canaries import Canaries, StepPlace
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.plausible_values import plausible_value
from ste_graph.simulated.conversation import offered_tools, read_dialogue, write_json_reply, write_native_reply
from ste_graph.simulated.mistakes import call_text
from ste_graph.simulated.policy import respond
from ste_graph.simulated.reading import find_stated_values

MOST: Final = 500
"""A call with more kilos fails."""
QUESTIONS: Final = frozenset({"informative", "faithful", "appropriate"})
current: ContextVar[StepPlace | None] = ContextVar("current", default=None)
"""The step that asks or calls."""


@dataclass(slots=True)
class UnitScript:
    """The model's knowledge of a unit: the trial under way, and the outcome of its last call."""

    kilos: int = 10
    requests: list[str] = field(default_factory=list)
    parcel: str = "P-1"
    devised: bool = False
    succeeded: bool | None = None


@dataclass(slots=True)
class Script:
    """All that the stand-ins of one run share."""

    canaries: Canaries = field(default_factory=Canaries)
    units: dict[str, UnitScript] = field(default_factory=dict)

    def unit(self) -> UnitScript:
        """The script of the unit that asks or calls."""
        place = current.get()
        return self.units.setdefault(place.unit if place else "", UnitScript())

    def canary(self) -> str:
        """A new canary of the step that asks or calls."""
        place = current.get()
        return self.canaries.make(place or StepPlace("", "", (), frozenset()))


@dataclass(frozen=True)
class CanaryTool:
    """A tool that finds parcels which do not exist. `needs_id`: it must be given the id of one."""

    script: Script
    name: str
    description: str
    needs_id: bool
    effect: Effect = "read"

    @property
    def parameters(self) -> Mapping[str, Json]:
        properties: dict[str, Json] = {"kilos": {"type": "integer", "description": "The weight."}}
        if self.needs_id:
            properties["parcel_id"] = {"type": "string", "description": "The parcel."}
        return {"type": "object", "properties": properties, "required": [*properties]}

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        unit, canary = self.script.unit(), self.script.canary()
        unit.succeeded = arguments["kilos"] <= MOST
        if not unit.succeeded:
            text = f"ValueError: `kilos` must be at most {MOST}; {canary}"
            return Observation(ok=False, kind="tool_error", text=text)
        parcel = f"P-{canary.split()[0]}"
        data = {"parcels": [{"id": parcel, "kilos": arguments["kilos"], "sender": canary}]}
        return Observation(ok=True, kind="ok", text=json.dumps(data), data=data)


@dataclass(frozen=True)
class CanaryTools:
    """The source of the tools of a proof."""

    script: Script
    starts: ClassVar[bool] = False

    async def open(self) -> Sequence[Tool]:
        first = CanaryTool(self.script, "list_parcels", "List the parcels of a weight.", needs_id=False)
        return [first, CanaryTool(self.script, "find_parcel", "Say where one parcel is.", needs_id=True)]

    async def close(self) -> None: ...


TOOLS: Final = frozenset({"list_parcels", "find_parcel"})


class CanaryModel(Adapter):
    """A model that does what the node which asks it needs, and puts a canary into each reply."""

    sampling: ClassVar[bool] = False
    script: Any

    @property
    def label(self) -> str:
        return SIMULATED

    def open_client(self) -> CanaryClient:
        return CanaryClient(self.script)


class CanaryClient:
    """Replies by the outputs of the node that asks, not by the words of its prompt: prompts are anybody's."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def ask(self, request: ModelRequest) -> RawReply:
        reply = self._reply(request, current.get())
        text = reply.text
        for mark in request.stop:
            text = text.split(mark, 1)[0] or text
        return RawReply(text, tool_calls=reply.tool_calls)

    async def close(self) -> None: ...

    def _reply(self, request: ModelRequest, place: StepPlace | None) -> RawReply:
        outputs = place.outputs if place else frozenset()
        own_tool = place is not None and place.unit in TOOLS
        if own_tool and {"action", "arguments", "answer"} <= outputs:
            return self._call(request)
        if request.schema is not None:
            return RawReply(self._data(request, own_tool=own_tool))
        if own_tool and "query" in outputs:
            return RawReply(self._request(request))
        if "solved" in outputs:
            return RawReply(f"Yes. ({self._script.canary()})")
        text = _simulate(request)
        canary = self._script.canary()
        return RawReply(f"{text} ({canary})" if text and "query" in outputs else text or canary)

    def _request(self, request: ModelRequest) -> str:
        """A request; the third is the first one again, as a model may well repeat itself."""
        unit = self._script.unit()
        unit.succeeded = None
        if len(unit.requests) == 2:
            unit.requests.append(unit.requests[0])
            if (place := current.get()) is not None:
                self._script.canaries.renew(unit.requests[0], place)
            return unit.requests[0]
        if not unit.devised:
            self._begin(unit, request)
        unit.devised = False
        canary = self._script.canary()
        which = f"parcel {unit.parcel} of {unit.kilos} kilos" if _needs_id() else f"parcels of {unit.kilos} kilos"
        unit.requests.append(f"I wait for news of {which}, sent by {canary}; what is known?")
        return unit.requests[-1]

    def _begin(self, unit: UnitScript, request: ModelRequest) -> None:
        """Choose the values of the next trial: every second one has a first call that fails."""
        unit.kilos += 1
        known = find_stated_values(read_dialogue(request.messages)).get("parcel_id")
        unit.parcel = str(known[-1]) if known else unit.parcel

    def _call(self, request: ModelRequest) -> RawReply:
        """The next call of the trial under way, or its answer once a call has succeeded."""
        unit, canary = self._script.unit(), self._script.canary()
        if unit.succeeded:
            text = f"Thought: {canary}\nFinal Answer: There is a parcel of {unit.kilos} kilos ({canary})."
            unit.succeeded = None
        else:
            spoilt = unit.succeeded is None and unit.kilos % 2 == 1
            arguments = self._arguments(unit, unit.kilos + 1000 if spoilt else unit.kilos)
            place = current.get()
            text = call_text(canary, place.unit if place else "", arguments)
        if request.tools:
            return write_native_reply(text, request.seed)
        return RawReply(write_json_reply(text) if request.schema is not None else text)

    @staticmethod
    def _arguments(unit: UnitScript, kilos: int) -> dict[str, Json]:
        return {"kilos": kilos, **({"parcel_id": unit.parcel} if _needs_id() else {})}

    def _data(self, request: ModelRequest, *, own_tool: bool) -> str:
        """A JSON object by the schema of a request."""
        schema = dict(request.schema or {})
        properties = schema.get("properties") or {}
        place = current.get()
        if own_tool and place is not None and {"action", "arguments"} <= properties.keys():
            unit = self._script.unit()
            self._begin(unit, request)
            unit.devised = True
            return write_json_reply(call_text("", place.unit, self._arguments(unit, unit.kilos)))
        if properties.keys() >= QUESTIONS:
            return json.dumps({**dict.fromkeys(QUESTIONS, True), "why": self._script.canary()})
        if _is_simulated(properties, schema):
            return _simulate(request)
        value = plausible_value(schema, Random(request.seed))
        return json.dumps(_with_canary(value, self._script.canary()), ensure_ascii=False)


def _needs_id() -> bool:
    place = current.get()
    return place is not None and place.unit == "find_parcel"


def _is_simulated(properties: Mapping[str, Json], schema: Mapping[str, Json]) -> bool:
    """True for schemas that the simulated model knows how to fill: a call, the documentation of a tool."""
    calls = [choice for choice in schema.get("anyOf", [schema]) if "action" in choice.get("properties", {})]
    return bool(calls) or properties.keys() == {"description", "parameters"}


def _simulate(request: ModelRequest) -> str:
    """The simulated model's reply; "" if it does not know what is asked."""
    turns, offered = read_dialogue(request.messages), offered_tools(request.tools)
    text = respond(turns, seed=request.seed, mistakes=0.0, schema=request.schema, offered=offered)
    return "" if text.startswith("I have nothing to go by") else text


def _with_canary(value: Json, canary: str) -> Json:
    """The value with the canary for its texts."""
    return map_leaves(value, lambda leaf: canary if isinstance(leaf, str) else leaf)


class WordEmbedder:
    """Vectors of the words in a text: no weights are needed, and texts with the same words are alike."""

    name = "words"

    async def embed(self, texts: Sequence[str]) -> Any:
        """Unit vectors, one row per text."""
        import numpy as np

        vectors = np.full((len(texts), 256), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % 256] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
