"""The adopted descriptions of a pack over the tools that a server of MCP lists; every other byte stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.json_spans import Edit, JsonSpan, apply_edits, elements, first_value, members
from ste_graph.json_values import canonical_json
from ste_graph.packs.drift import Drift, find_changed_fields
from ste_graph.packs.pack import Pack, ToolDefinition, ToolDescription
from ste_graph.text import count_noun
from ste_graph.tools.mcp.repair import INPUT_SCHEMA, find_tool_fault, read_meta, repair_tool
from ste_graph.tools.names import legal_name

LISTING = "tools/list"
MALFORMED = (ValueError, RecursionError, TypeError, AttributeError, KeyError)
"""The errors that a message of another form than MCP's may lead to; it goes through all the same."""
_MARKS = (b"tools/list", b"tools\\/list", b"\\u")
"""The marks of a message that asks for the tools; JSON may escape the slash, and any letter."""

_LINE = re.compile(rb"[^\n]*\n")
"""A line that ends in a line feed; a carriage return alone ends none."""


@dataclass
class Overlay:
    """The adopted descriptions, and the requests for the list of tools that wait for an answer.

    `say` tells a person, a line each, which tools got their description and which not, once.
    """

    pack: Pack
    say: Callable[[str], None]
    _adopted: dict[str, ToolDescription] = field(init=False)
    _waiting: set[str] = field(default_factory=set, init=False)
    _said: set[str] = field(default_factory=set, init=False)
    _listed: dict[str, str] = field(default_factory=dict, init=False)
    """The server's own names of the tools, by those that the pack knows."""
    _found: dict[str, None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Raises `WorkflowError` if the pack has no description to put over a tool."""
        allowed = self.pack.manifest.tools
        self._adopted = {name: text for name, text in self.pack.descriptions.items() if name in allowed}
        if not self._adopted:
            forms = ", ".join(self.pack.manifest.forms) or "nothing"
            raise WorkflowError(
                f"{self.pack.path}: has no adopted descriptions to put over a server's (it carries: {forms}). "
                "Exemplars and lessons reach an agent by: ste memory serve"
            )

    @property
    def is_waiting(self) -> bool:
        """True while a list of tools was asked for and has not come."""
        return bool(self._waiting)

    def note_request(self, line: bytes) -> None:
        """Takes note of a line that a client sends, if it asks for the tools."""
        if not any(mark in line for mark in _MARKS):
            return
        with suppress(*MALFORMED):
            value = json.loads(line)
            for message in value if isinstance(value, list) else [value]:
                if isinstance(message, dict) and message.get("method") == LISTING and "id" in message:
                    self._waiting.add(_key(message["id"]))
                    if not (message.get("params") or {}).get("cursor"):
                        self._listed.clear()
                        self._found.clear()

    def rewrite(self, line: bytes) -> bytes:
        """The client's form of a line that the server sends: the same, but for descriptions of tools in a list."""
        if not self._waiting:
            return line
        text = line.decode("utf-8", "surrogateescape")
        edits: list[Edit] = []
        with suppress(*MALFORMED):
            start = first_value(text)
            batch = list(elements(text, start))
            for message in batch or [JsonSpan(start, len(text))]:
                edits += self._edit_message(text, message)
        return apply_edits(text, edits).encode("utf-8", "surrogateescape") if edits else line

    def _edit_message(self, text: str, message: JsonSpan) -> list[Edit]:
        parts = dict(members(text, message.start))
        if "id" not in parts or "method" in parts:
            return []
        key = _key(json.loads(text[parts["id"].start : parts["id"].end]))
        if key not in self._waiting:
            return []
        self._waiting.discard(key)
        if "result" not in parts:
            return []
        result = dict(members(text, parts["result"].start))
        edits = [
            edit
            for name, listed in members(text, parts["result"].start)
            if name == "tools"
            for tool in elements(text, listed.start)
            for edit in self._edit_tool(text, tool)
        ]
        cursor = result.get("nextCursor")
        if cursor is None or text[cursor.start : cursor.end] in ("null", '""'):
            self._report()
        return edits

    def _edit_tool(self, text: str, tool: JsonSpan) -> list[Edit]:
        entry = json.loads(text[tool.start : tool.end], strict=False)
        if find_tool_fault(entry):
            return []
        shown = legal_name(entry["name"])
        name = entry["name"] if entry["name"] in self._adopted else shown
        self._listed[name] = entry["name"]
        adopted, before = self._adopted.get(name), self.pack.definitions.get(name)
        if adopted is None:
            return []
        if before is not None and (drift := _find_drift(name, before, entry)):
            self._say_once(f"{drift.text}; so it keeps its own description", verify=True)
            return []
        self._found[name] = None
        return [*_describe(text, tool, adopted.description), *_describe_parameters(text, tool, adopted.parameters)]

    def _report(self) -> None:
        """Says, at the end of a list, which tools have their adopted descriptions and which are not there."""
        missing = [name for name in self._adopted if name not in self._listed]
        if len(missing) == len(self._adopted):
            there = ", ".join(self._listed.values()) or "none"
            self._say_once(
                f"no tool of this pack is there: it has {', '.join(missing)}; the server lists {there}", verify=True
            )
            return
        if self._found:
            what = count_noun(len(self._found), "adopted description")
            self._say_once(f"put {what} over the server's own: {', '.join(self._found)}")
        if missing:
            self._say_once(f"the server has no {', '.join(missing)}", verify=True)

    def _say_once(self, what: str, *, verify: bool = False) -> None:
        if what not in self._said:
            self._said.add(what)
            hint = f"; to see what still holds: ste pack verify {self.pack.path}" if verify else ""
            self.say(f"ste pack serve: {what}{hint}")


class AnswerStream:
    """The output of a server, in parts of any size: passed on at once, but for lines that may be a list of tools.

    A line that began before the list was asked for is not that list, so that the rest of it is passed on too.
    """

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._held = bytearray()
        self._within_line = False
        """True if the beginning of a line has gone on its way."""

    def feed(self, part: bytes) -> bytes:
        """The bytes to pass on now that this part has arrived."""
        if not self._overlay.is_waiting and not self._held:
            self._within_line = not part.endswith(b"\n")
            return part
        passed = b""
        if self._within_line:
            end = part.find(b"\n") + 1
            if not end:
                return part
            passed, part, self._within_line = part[:end], part[end:], False
        self._held += part
        end = self._held.rfind(b"\n", len(self._held) - len(part)) + 1
        if not end:
            return passed
        lines, self._held = self._held[:end], self._held[end:]
        return passed + b"".join(map(self._overlay.rewrite, _LINE.findall(lines)))

    def finish(self) -> bytes:
        """The bytes that are left at the end."""
        return self._overlay.rewrite(bytes(self._held))


def _find_drift(name: str, before: ToolDefinition, entry: Mapping[str, Json]) -> Drift | None:
    """The drift of a listed tool; None if it is as it was. Its effect is not compared: a workflow may state it."""
    tool, _ = repair_tool(entry)
    parameters = read_meta(tool.get("_meta"), INPUT_SCHEMA) or tool["inputSchema"]
    description = tool.get("description") or tool.get("title") or ""
    same = canonical_json(parameters) == canonical_json(before.parameters)
    if same and description == before.description:
        return None
    now = before.model_copy(update={"description": description, "parameters": parameters})
    return Drift(name, tuple(find_changed_fields(before, now)))


def _describe_parameters(text: str, tool: JsonSpan, descriptions: Mapping[str, str]) -> Iterator[Edit]:
    for key, schema in members(text, tool.start):
        for word, properties in members(text, schema.start) if key == "inputSchema" else ():
            for name, part in members(text, properties.start) if word == "properties" else ():
                if name in descriptions and text[part.start] == "{":
                    yield from _describe(text, part, descriptions[name])


def _describe(text: str, part: JsonSpan, description: str | None) -> Iterator[Edit]:
    """The edits that give an object its description, in the place of the one that it has."""
    if description is None:
        return
    written = json.dumps(description)
    own = [span for key, span in members(text, part.start) if key == "description"]
    if own:
        yield from (Edit(span, written) for span in own)
    else:
        comma = ", " if any(members(text, part.start)) else ""
        yield Edit(JsonSpan(part.start + 1, part.start + 1), f'"description": {written}{comma}')


def _key(id: Json) -> str:
    """The id of a request, in which a server may answer 7 with "7"."""
    return str(id)
