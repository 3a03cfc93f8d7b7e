"""`use: toolbench`: tools described in the format of ToolBench, executed by other tools, from a cassette, or not."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from ste_graph.contracts import Effect, Frozen, Json, Observation, Tool, ToolSource
from ste_graph.errors import WorkflowError
from ste_graph.json_values import canonical_json
from ste_graph.redaction import secrets_of
from ste_graph.registry import known, load
from ste_graph.settings import RelativePath, SourcesMarker
from ste_graph.tools.forwarded import effect_note, ensure_ready
from ste_graph.tools.toolbench_description import Description, Unreadable, read

SHOWN = 25
"""Names that a message lists at most."""
Execute = Callable[[Mapping[str, Json]], Awaitable[Observation]]


class ToolBenchTools(Frozen):
    """Tools from a JSON file of descriptions in ToolBench's format, by name, such as the 50 of the STE paper.

    Without `cassette` and `by` they are schemas only: a call is refused. Names that a model may not use are changed
    (`GamerPower%%Live giveaways` to `GamerPower_Live_giveaways`); settings accept either.
    """

    path: RelativePath = Field(description="The file of descriptions.", examples=["API_descriptions_50.json"])
    only: tuple[str, ...] | None = Field(default=None, description="Take these tools and no others.")
    effects: Mapping[str, Effect] = Field(
        default={},
        description="Per tool what calling it may do; by default what the tool in `by` may do, or destructive.",
    )
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
    def _sources(self) -> Self:
        if self.cassette is not None and self.by:
            raise ValueError("expected `cassette` or `by`, not both")
        self._inner.extend(source(entry) for entry in self.by)
        return self

    @property
    def starts(self) -> bool:
        """Whether one of the sources in `by` must start something."""
        return any(inner.starts for inner, _ in self._inner)

    @property
    def secrets(self) -> set[str]:
        """The secrets of the sources in `by`."""
        return {secret for inner, _ in self._inner for secret in secrets_of(inner)}

    async def open(self) -> Sequence[Tool]:
        described = descriptions(Path(self.path))
        self._know("only", self.only or (), described)
        self._know("effects", self.effects, described)
        wanted = [d for d in described if self.only is None or {d.original, d.name} & set(self.only)]
        if not wanted:
            return []
        recorded = recordings(Path(self.cassette), described) if self.cassette is not None else {}
        workers = await self._workers(described)
        return [self._tool(description, recorded, workers.get(description.original)) for description in wanted]

    async def close(self) -> None:
        for inner, _ in self._inner:
            await inner.close()

    def _tool(self, description: Description, recorded: Mapping[str, Observation], worker: Tool | None) -> Tool:
        execute: Execute = unmade(description)
        if self.cassette is not None:
            execute = replayed(description, recorded)
        elif worker is not None:
            execute = worker.call
        stated = self.effects.get(description.original) or self.effects.get(description.name)
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

    async def _workers(self, described: Sequence[Description]) -> dict[str, Tool]:
        """Per original name the tool that does the work."""
        found: dict[str, Tool] = {}
        originals = {key: d.original for d in described for key in (d.original, d.name)}
        for inner, names in self._inner:
            tools = {tool.name: tool for tool in await inner.open()}
            self._know("names", names, described)
            for name, doer in (names or {tool: tool for tool in tools if tool in originals}).items():
                if doer not in tools:
                    raise WorkflowError(f"tools: `by` has no tool `{doer}` for `{name}`; {choices(doer, list(tools))}")
                found[originals[name]] = tools[doer]
        return found

    def _know(self, setting: str, given: Mapping[str, Any] | Sequence[str], described: Sequence[Description]) -> None:
        """Refuse names that the file does not have."""
        names = {key for d in described for key in (d.original, d.name)}
        for name in given:
            if name not in names:
                raise WorkflowError(
                    f"tools: `{setting}` names `{name}`, which `{self.path}` does not hold; "
                    f"{choices(name, [d.original for d in described])}"
                )


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

    async def ready(self) -> Observation | None:
        return await ensure_ready(self.worker)

    async def call(self, arguments: Mapping[str, Json]) -> Observation:
        return await self.execute(arguments)


def descriptions(path: Path) -> list[Description]:
    """All descriptions of a file, in its order. Raises `WorkflowError` if it is not of the format."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkflowError(
            f"tools: there is no file `{path}`; expected a JSON file of ToolBench descriptions"
        ) from None
    except (OSError, ValueError) as fault:
        raise WorkflowError(f"tools: `{path}` is not readable as JSON: {fault}") from fault
    if not isinstance(given, Mapping) or not given:
        raise WorkflowError(f"tools: `{path}` holds no tools; expected a JSON object of names and descriptions")
    found = []
    for name, description in given.items():
        try:
            found.append(read(name, description))
        except Unreadable as fault:
            raise WorkflowError(f"tools: the description of `{name}` in `{path}` cannot be used: {fault}") from fault
    return found


def source(entry: Mapping[str, Any]) -> tuple[ToolSource, Mapping[str, str]]:
    """One entry of `by`: the source of tools, and whose work they do. Raises `ValueError` for a wrong one."""
    settings = dict(entry)
    use, names = settings.pop("use", None), settings.pop("names", {})
    if use not in known("tools"):
        raise ValueError(f"`by`: unknown `use: {use}`; expected one of: {', '.join(sorted(known('tools')))}")
    if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("`by`: `names` says per tool of the file which tool does its work: `{add_date: add_days}`")
    try:
        return load("tools", use).model_validate(settings), names
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        raise ValueError(f"`by`: `{'.'.join(map(str, first['loc'])) or use}`: {first['msg']}") from fault


def unmade(description: Description) -> Execute:
    """What a tool does of which only the schema is known."""

    async def execute(_: Mapping[str, Json]) -> Observation:
        text = (
            f"`{description.name}` was not called: only its description is known. To execute it, give its source in "
            "the workflow `by` (other tools) or `cassette` (recorded calls)."
        )
        return Observation(ok=False, kind="refused", text=text)

    return execute


def replayed(description: Description, recorded: Mapping[str, Observation]) -> Execute:
    """What a tool does whose calls are recorded."""

    async def execute(arguments: Mapping[str, Json]) -> Observation:
        key = call_key(description.original, arguments)
        text = f"No call of `{description.name}` with these arguments is recorded."
        return recorded.get(key) or Observation(ok=False, kind="transport", text=text)

    return execute


def recordings(path: Path, described: Sequence[Description]) -> dict[str, Observation]:
    """The recorded results by call. Raises `WorkflowError` with the line that is wrong."""
    originals = {key: d.original for d in described for key in (d.name, d.original)}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as fault:
        raise WorkflowError(f"tools: the cassette `{path}` cannot be read: {fault}") from fault
    found: dict[str, Observation] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                call = json.loads(line)
                tool, arguments = str(call["tool"]), dict(call["arguments"])
                result = Observation.model_validate(call["observation"])
            except (KeyError, TypeError, ValueError) as fault:
                raise WorkflowError(
                    f"{path}:{number}: this is no recorded call; expected a JSON object with `tool`, `arguments` and "
                    "`observation` (`ok`, `kind`, `text`)"
                ) from fault
            found[call_key(originals.get(tool, tool), arguments)] = result
    return found


def call_key(tool: str, arguments: Mapping[str, Json]) -> str:
    """A call as one text; the order of keys does not count."""
    return canonical_json([tool, dict(arguments)])


def choices(name: str, names: Sequence[str]) -> str:
    """What may stand there instead, the closest first if one is close."""
    close = get_close_matches(name, names, 1)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (f"did you mean `{close[0]}`? " if close else "") + f"it has: {', '.join(sorted(names)[:SHOWN])}{more}"
