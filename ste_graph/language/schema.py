"""The shape of a workflow file, as pydantic models: one truth for the checker and for editors (`ste schema`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from ste_graph.contracts import Json
from ste_graph.models.meter import Budget
from ste_graph.registry import Group
from ste_graph.tools.limits import ToolLimits

RESERVED = frozenset({"params", "data", "tools", "run", "forever"})
"""Names that no node, loop or memory may have."""

NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
Name: TypeAlias = Annotated[str, Field(pattern=NAME)]
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
PLUGIN_USE = r"^[^.]+\.[A-Za-z_][A-Za-z0-9_]*$"
Identifier: TypeAlias = Annotated[str, Field(pattern=IDENTIFIER)]
"""A name that expressions and prompts can mention."""


def _is_expression(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str | list):
        return value
    raise PydanticCustomError("expression", "expected an expression such as `not call.finished` or `params.turns`")


ExpressionText: TypeAlias = Annotated[
    Any,
    AfterValidator(_is_expression),
    WithJsonSchema({"type": ["string", "number", "boolean", "array", "null"], "description": "an expression"}),
]


Section: TypeAlias = Literal["data", "models", "tools", "memory", "nodes"]
"""A section whose entries are made by classes."""


class Shape(BaseModel):
    """One mapping of the file: unknown keys refused, keys named as in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EachShape(Shape):
    """`{each: [a, b]}`: every output of `a` since the pass around the record began, joined with what `b` gave next."""

    each: Annotated[list[Identifier], Field(min_length=1, max_length=2)]


class MapShape(Shape):
    """One pass per item of a list; at the top level the items are the units, run side by side."""

    map: Identifier
    over: ExpressionText
    at_most: ExpressionText | None = None
    do: Annotated[list[BlockShape], Field(min_length=1)]


class RepeatShape(Shape):
    """A bounded loop: `times`, or `while` (tested before a pass) or `until` (tested after it) with `at_most`."""

    repeat: Identifier
    times: ExpressionText | None = None
    while_: ExpressionText | None = Field(default=None, alias="while")
    until: ExpressionText | None = None
    at_most: ExpressionText | None = None
    do: Annotated[list[BlockShape], Field(min_length=1)]


class WhenShape(Shape):
    """Run `do` where the condition holds, `else` where it does not."""

    when: ExpressionText
    do: Annotated[list[BlockShape], Field(min_length=1)]
    else_: list[BlockShape] = Field(default=[], alias="else")


class RecordShape(Shape):
    """Make a record of the named type; every memory of that type remembers it."""

    record: str = Field(description="the type of record: a known name, or `plugin_file.ClassName`")
    as_: dict[
        str,
        Annotated[
            Annotated[ExpressionText, Tag("<expression>")] | Annotated[EachShape, Tag("<each>")],
            Discriminator(lambda value: "<each>" if isinstance(value, dict) else "<expression>"),
        ],
    ] = Field(alias="as")


class RunShape(Shape):
    """Run another workflow, with all its units, and go on when it is complete."""

    run: str = Field(description="its file, relative to this one, or the name of a bundled workflow")
    name: Identifier | None = Field(default=None, description="what it is called here; the file's name if not given")
    variant: str | None = Field(default=None, description="the variant of it to run")
    with_: dict[str, Json] = Field(
        default={}, alias="with", description="single values of it, by path: sections of this file, or expressions"
    )
    partial: bool = Field(default=False, description="go on even where some of its units have failed")


BLOCKS: dict[str, type[Shape]] = {
    "map": MapShape,
    "repeat": RepeatShape,
    "when": WhenShape,
    "record": RecordShape,
    "run": RunShape,
}


def block_tag(value: object) -> str | None:
    """Which kind of block a YAML value means to be."""
    if isinstance(value, str | BaseModel):
        return "<node>" if isinstance(value, str) else None
    if isinstance(value, dict):
        return next((f"<{key}>" for key in BLOCKS if key in value), None)
    return None


BlockShape: TypeAlias = Annotated[
    Annotated[Identifier, Tag("<node>")]
    | Annotated[MapShape, Tag("<map>")]
    | Annotated[RepeatShape, Tag("<repeat>")]
    | Annotated[WhenShape, Tag("<when>")]
    | Annotated[RecordShape, Tag("<record>")]
    | Annotated[RunShape, Tag("<run>")],
    Discriminator(
        block_tag,
        custom_error_type="block",
        custom_error_message=("a node's name, or a mapping with `map`, `repeat`, `when`, `record` or `run`"),
    ),
]


class UseShape(BaseModel):
    """An entry made by the class that `use` names; the other keys are that class's settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str


class NodeWiring(Shape):
    """The keys of a `nodes:` entry that belong to the engine rather than to the node."""

    use: str = Field(description="the kind of node: a known name, or `plugin_file.ClassName`")
    transcript: str | None = Field(default=None, description="the transcript that the node's messages go into")
    memories: list[str] = Field(default=[], description="memories that the node's prompts may show")
    inputs: dict[str, str] = Field(
        default={}, description="`field: node.output` where more than one node gives it, or `field: data.NAME`"
    )
    lives: str | None = Field(default=None, description="the loop in which the output is remembered")


class MemoryWiring(Shape):
    """The keys of a `memory:` entry that belong to the engine rather than to the memory."""

    use: str = Field(description="the kind of memory")
    lives: str | None = Field(default=None, description="the loop in which it is remembered, the unit, or `forever`")
    of: str | None = Field(default=None, description="the type of record that it holds, as `record` names it")


class FromEnvironment(Shape):
    """`{env: NAME}`: the value of an environment variable."""

    env: Annotated[str, Field(min_length=1)]


class CassetteShape(Shape):
    """Where model replies and tool results are recorded, or come from instead of models and tools."""

    path: str = Field(description="a folder, relative to this file")
    mode: Literal["live", "record", "replay"] = Field(
        description="`record` writes the folder, `replay` asks no model and calls no tool, `live` leaves it alone"
    )


class ResetShape(Shape):
    """What brings the tools back to a known state before each pass of a loop: a tool call, or a command."""

    before: Identifier = Field(description="a loop inside a unit, or the unit's name")
    tool: str | None = Field(default=None, description="the tool that does it; it need not be allowed")
    arguments: dict[str, Json] = {}
    command: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="a program and its arguments, run in this file's folder"
    )


EntryShape: TypeAlias = Annotated[
    Annotated[UseShape, Tag("<use>")] | Annotated[Literal["off"], Tag("<off>")],
    Discriminator(lambda value: "<off>" if isinstance(value, str) else "<use>"),
]
"""An entry of `memory` or `nodes`: a `use:` mapping, or the word `off`."""


class WorkflowShape(Shape):
    """One workflow file."""

    dsl: Literal[1] = Field(description="the version of the language")
    name: Name
    about: str = ""
    extends: str | None = Field(default=None, description="a workflow file that this one changes")
    set: dict[str, Json] = Field(default={}, description="single values changed by path, after `extends`")
    seed: int = 0
    params: dict[Identifier, Json] = {}
    data: dict[Identifier, UseShape] = Field(default={}, description="what a loop can go over, as `over: data.NAME`")
    plugins: list[str] = Field(
        default=[],
        description="Python files with nodes, types of record and other classes of the workflow's own",
    )
    models: dict[Identifier, UseShape] = {}
    tools: list[UseShape] = []
    allow: list[str] | Literal["ask"] | None = Field(
        default=None,
        description="effects, or names of tools, that the run may call; `ask`: a person decides call by call",
    )
    redact: list[FromEnvironment] = Field(default=[], description="values that no prompt, file or report may show")
    cassette: CassetteShape | None = None
    reset: ResetShape | None = None
    limits: ToolLimits = ToolLimits()
    memory: dict[Identifier, EntryShape] = {}
    nodes: dict[Identifier, EntryShape] = {}
    graph: Annotated[list[BlockShape], Field(min_length=1)]
    budget: Budget = Budget()
    variants: dict[Name, dict[str, Json]] = Field(default={}, description="named changes, by path: the ablation arms")


REQUIRED = ("dsl", "name", "graph")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the language, with the settings of every installed `use:` class."""
    from ste_graph.language.entries import entry_schemas

    MapShape.model_rebuild()
    RepeatShape.model_rebuild()
    WhenShape.model_rebuild()
    schema = WorkflowShape.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    schema["description"] = "One workflow file. A file with `extends` may leave out what its base says."
    defs = schema["$defs"]
    for section, forms in entry_schemas().items():
        target = schema["properties"][section]
        hoisted = [_hoisted(form, f"{section}.{form['properties']['use']['const']}", defs) for form in forms]
        of_plugins = [{"$ref": "#/$defs/PluginEntry"}]
        off = [{"const": "off", "description": "left out"}] if section in ("memory", "nodes") else []
        target["items" if section == "tools" else "additionalProperties"] = {"anyOf": [*hoisted, *of_plugins, *off]}
        target.pop("patternProperties", None)
    for section, values in schema["properties"].items():
        if "patternProperties" in values:
            values["additionalProperties"] = next(iter(values.pop("patternProperties").values()))
        if values.get("type") == "object" and section != "set":
            values["propertyNames"] = {"pattern": NAME if section == "variants" else IDENTIFIER}
    dotted = sorted({name for names in known_uses().values() for name in names if "." in name})
    defs["PluginEntry"] = {
        "type": "object",
        "description": "an entry whose class comes from a plugin: `plugin_file.ClassName`",
        "properties": {"use": {"pattern": PLUGIN_USE, "not": {"enum": dotted}}},
        "required": ["use"],
    }
    for unused in ("UseShape", "Json"):
        defs.pop(unused, None)
    del schema["required"]
    schema["anyOf"] = [{"required": list(REQUIRED)}, {"required": ["extends"]}]
    return {"title": "A ste-graph workflow", **_rewritten(schema, lambda ref: ref)}


def _hoisted(form: dict[str, Any], name: str, defs: dict[str, Any]) -> dict[str, str]:
    """Put an entry's schema, and the definitions inside it, among the file's definitions; gives the reference to it."""
    own = form.pop("$defs", {})

    def renamed(ref: str) -> str:
        return ref.replace("#/$defs/", f"#/$defs/{name}.")

    defs[name] = _rewritten(form, renamed)
    defs.update({f"{name}.{key}": _rewritten(schema, renamed) for key, schema in own.items()})
    return {"$ref": f"#/$defs/{name}"}


def _rewritten(schema: Any, renamed: Callable[[str], str]) -> Any:
    """A schema with other references, and without the titles that pydantic makes of Python names."""
    match schema:
        case dict():
            kept = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
            return {
                key: renamed(value) if key == "$ref" and isinstance(value, str) else _rewritten(value, renamed)
                for key, value in kept.items()
            }
        case list():
            return [_rewritten(item, renamed) for item in schema]
    return schema


def known_uses() -> dict[str, list[str]]:
    """The installed names for `use:`, per section of the file."""
    from ste_graph.registry import known

    return {section: sorted(known(group)) for section, group in GROUPS.items()}


GROUPS: dict[Section, Group] = {
    "data": "data",
    "models": "models",
    "tools": "tools",
    "memory": "memories",
    "nodes": "nodes",
}
