"""`use: toolbench`: tools that are described in the format of ToolBench, executed by other tools or a cassette."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from ste_graph.contracts import Effect, Json, Observation, ProgramSource, Tool, ToolSource
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_values
from ste_graph.files.regular import read_regular_text
from ste_graph.json_values import canonical_json
from ste_graph.redaction import find_secrets
from ste_graph.registry import find_entry_points, load_entry_point
from ste_graph.settings import RelativePath, SourcesMarker
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.tools.choice import ToolChoice, ToolNames
from ste_graph.tools.forwarded import effect_note, ensure_ready
from ste_graph.tools.names import legal_names
from ste_graph.tools.toolbench.description import Description, UnreadableError, plain_name, read_description

Execute = Callable[[Mapping[str, Json]], Awaitable[Observation]]


class ToolBenchTools(ToolChoice):
    """Tools from a JSON file of descriptions in ToolBench's format, by name, such as the 50 of the STE paper.

    Without `cassette` and `by` they are schemas only: a call is refused. Effects are those of the tools in `by`, else
    destructive. Names that a model may not use are changed
    (`GamerPower%%Live giveaways` to `GamerPower_Live_giveaways`); settings accept either.
    """

    path: RelativePath = Field(description="The file of descriptions.", examples=["API_descriptions_50.json"])
    cassette: RelativePath | None = Field(
        default=None,
        description="A file with recorded calls, one JSON object with `tool`, `arguments` and `observation` a line; "
        "of two lines for one call, the later one counts.",
    )
    by: Annotated[tuple[dict[str, Any], ...], SourcesMarker()] = Field(
        default=(),
        description="Other sources of tools, each with its `use` and settings, whose tools do the work. `names` says "
        "which does whose; without it, tools of equal names.",
        examples=[[{"use": "python", "module": "my_package.dates", "names": {"add_date": "add_days"}}]],
    )

    _inner: list[tuple[ToolSource, Mapping[str, str]]] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _parse_sources(self) -> Self:
        if self.cassette is not None and self.by:
            raise ValueError("expected `cassette` or `by`, not both")
        self._inner.extend(parse_source(entry) for entry in self.by)
        return self

    @property
    def starts(self) -> bool:
        """True if one of the sources in `by` must start something."""
        return any(inner.starts for inner, _ in self._inner)

    @property
    def secrets(self) -> set[str]:
        """The secrets of the sources in `by`."""
        return {secret for inner, _ in self._inner for secret in find_secrets(inner)}

    def find_program(self) -> None:
        """Raises `WorkflowError` if the program of a source in `by` is not there."""
        for inner, _ in self._inner:
            if isinstance(inner, ProgramSource):
                inner.find_program()

    async def open(self) -> Sequence[Tool]:
        described = read_tool_descriptions(Path(self.path))
        names = ToolNames(f"`{self.path}`", [d.original for d in described], [d.name for d in described])
        stated, chosen = self.state_effects(names), self.choose(names)
        if self.include == ():
            return []
        if not chosen:
            raise names.nothing_left("`include` and `exclude`")
        recorded = read_recordings(Path(self.cassette), described) if self.cassette is not None else {}
        workers = await self._workers(names)
        return [self._tool(described[at], recorded, workers.get(at), stated.get(at)) for at in chosen]

    async def close(self) -> None:
        for inner, _ in self._inner:
            await inner.close()

    def _tool(
        self, description: Description, recorded: Mapping[str, Observation], worker: Tool | None, stated: Effect | None
    ) -> Tool:
        execute: Execute = refuse_calls(description)
        if self.cassette is not None:
            execute = replay_calls(description, recorded)
        elif worker is not None:
            execute = worker.call
        effect: Effect = stated or (worker.effect if worker else "destructive")
        note = effect_note(worker) if worker and not stated else None
        return ToolBenchTool(
            description.name,
            description.text,
            description.parameters,
            effect,
            description.original,
            execute,
            worker,
            note,
        )

    async def _workers(self, names: ToolNames) -> dict[int, Tool]:
        """The tools that do the work, by the position of the description for which they do it."""
        found: dict[int, Tool] = {}
        known = {*names.own, *names.shown}
        for inner, pairs in self._inner:
            tools = {tool.name: tool for tool in await inner.open()}
            for name, worker in (pairs or {tool: tool for tool in tools if tool in known}).items():
                if worker not in tools:
                    raise WorkflowError(
                        f"tools: `by` has no tool `{worker}` for `{name}`; "
                        f"{did_you_mean(worker, tools)}it has: {list_choices(tools)}"
                    )
                found[names.find("names", name)] = tools[worker]
        return found


@dataclass(frozen=True, repr=False)
class ToolBenchTool:
    """A described tool; `original` is its name in the file, as the paper's data write it."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    effect: Effect
    original: str
    execute: Execute
    worker: Tool | None = None
    effect_note: str | None = None

    async def ensure_ready(self) -> Observation | None:
        return await ensure_ready(self.worker)

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        return await self.execute(arguments)


def read_tool_descriptions(path: Path) -> list[Description]:
    """The descriptions of a file in its order, no two of one name. Raises `WorkflowError` for another format."""
    try:
        listed = json.loads(read_regular_text(path))
    except FileNotFoundError:
        raise WorkflowError(
            f"tools: `{path}`: file not found; expected a JSON file of ToolBench descriptions"
        ) from None
    except UnicodeDecodeError as error:
        raise WorkflowError(f"tools: `{path}` is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise WorkflowError(f"tools: `{path}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"tools: `{path}` is not readable as JSON: {error}") from error
    if not isinstance(listed, Mapping) or not listed:
        raise WorkflowError(f"tools: `{path}` has no tools; expected a JSON object of names and descriptions")
    found = []
    for name, description in listed.items():
        try:
            found.append(read_description(name, description))
        except UnreadableError as error:
            raise WorkflowError(f"tools: the description of `{name}` in `{path}` cannot be used: {error}") from error
    names = legal_names([description.original for description in found], plain_name)
    return [replace(description, name=name) for description, name in zip(found, names, strict=True)]


def parse_source(entry: Mapping[str, Any]) -> tuple[ToolSource, Mapping[str, str]]:
    """The source of an entry of `by`, and its `names`. Raises `ValueError` for a wrong entry."""
    settings = dict(entry)
    use, names = settings.pop("use", None), settings.pop("names", {})
    if use not in find_entry_points("tools"):
        raise ValueError(
            f"`by`: unknown `use: {use}`; expected one of: {', '.join(sorted(find_entry_points('tools')))}"
        )
    if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("`by`: `names` must say per tool of the file which tool does its work: `{add_date: add_days}`")
    try:
        return load_entry_point("tools", use).model_validate(settings), names
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"`by`: `{'.'.join(map(str, first['loc'])) or use}`: {first['msg']}") from error


def refuse_calls(description: Description) -> Execute:
    """The execution of a tool of which only the schema is known."""

    async def execute(_: Mapping[str, Json]) -> Observation:
        text = (
            f"`{description.name}` was not called: only its description is known. To execute it, give its source in "
            "the workflow `by` (other tools) or `cassette` (recorded calls)."
        )
        return Observation(ok=False, kind="refused", text=text)

    return execute


def replay_calls(description: Description, recorded: Mapping[str, Observation]) -> Execute:
    """The execution of a tool whose calls are recorded."""

    async def execute(arguments: Mapping[str, Json]) -> Observation:
        key = stored_call_key(description.original, arguments)
        text = f"No call of `{description.name}` with these arguments is recorded."
        return recorded.get(key) or Observation(ok=False, kind="transport", text=text)

    return execute


def read_recordings(path: Path, described: Sequence[Description]) -> dict[str, Observation]:
    """The recorded results by call. Raises `WorkflowError` for a line that is not a call."""
    originals = {d.name: d.original for d in described} | {d.original: d.original for d in described}
    found: dict[str, Observation] = {}
    for number, call in read_values(path):
        try:
            tool, arguments = str(call["tool"]), dict(call["arguments"])
            result = Observation.model_validate(call["observation"])
        except (KeyError, TypeError, ValueError) as error:
            raise WorkflowError(
                f"{path}:{number}: not a recorded call; expected a JSON object with `tool`, `arguments` and "
                "`observation` (`ok`, `kind`, `text`)"
            ) from error
        found[stored_call_key(originals.get(tool, tool), arguments)] = result
    return found


def stored_call_key(tool: str, arguments: Mapping[str, Json]) -> str:
    """The key of a call; the order of arguments does not count."""
    return canonical_json([tool, dict(arguments)])
