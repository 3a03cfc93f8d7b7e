"""The shape of a workflow file, as pydantic models: the one grammar, for the checker and for editors (`ste schema`).

The shapes check and are exported; they are not parsed from. Each section is validated against its shape (see `shape`),
and read from the tree of the document: only the tree knows the place of every value, and it can be read on where a
shape refuses a part of it, so that one wrong block does not hide the problems of all others.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from ste_graph.contracts import Json
from ste_graph.models.meter import Budget, ModelBudget
from ste_graph.models.prices import Prices
from ste_graph.registry import Group
from ste_graph.tools.limits import ToolLimits

RESERVED = frozenset({"params", "data", "tools", "run", "forever"})
"""Names that a node, loop or memory cannot have."""

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
    """`{each: [a, b]}`: every output of `a` since the pass around the record began, with the next output of `b`."""

    each: Annotated[list[Identifier], Field(min_length=1, max_length=2)]
    """The node whose outputs are gathered, and perhaps the node whose next outputs join them."""


class MapShape(Shape):
    """One pass per item of a list; at the top level the items are the units, run side by side."""

    map: Identifier
    """The loop's name, and that of its item in expressions and prompts."""
    over: ExpressionText
    """The list: `tools`, `data.NAME`, a parameter, or an output of a node."""
    without: ExpressionText | None = Field(
        default=None,
        description="at the top level: items to leave out, by `name`; a stated `fingerprint` has to be the same",
    )
    at_most: ExpressionText | None = None
    """The most passes, a number or `params.NAME`; needed inside a unit."""
    parallel: ExpressionText | None = None
    """The number of passes side by side inside a unit, a number or `params.NAME`; none may read another's output."""
    do: Annotated[list[BlockShape], Field(min_length=1)]
    """The blocks of a pass."""


class RepeatShape(Shape):
    """A bounded loop: `times`, or `while` (tested before a pass) or `until` (tested after it) with `at_most`."""

    repeat: Identifier
    """The loop's name, and that of its counter, from 0, in expressions and prompts."""
    times: ExpressionText | None = None
    """The number of passes, a number or `params.NAME`."""
    while_: ExpressionText | None = Field(default=None, alias="while")
    """The condition under which a pass begins; it needs `at_most`."""
    until: ExpressionText | None = None
    """The condition that ends the loop after a pass; it needs `at_most`."""
    at_most: ExpressionText | None = None
    """The most passes, a number or `params.NAME`."""
    parallel: ExpressionText | None = None
    """With `times`, how many passes run side by side, a number or `params.NAME`: in waves, each of which reads every
    memory that outlives the loop as it stood when the wave began."""
    do: Annotated[list[BlockShape], Field(min_length=1)]
    """The blocks of a pass."""


class WhenShape(Shape):
    """Run `do` where the condition holds, `else` where it does not."""

    when: ExpressionText
    """The condition."""
    do: Annotated[list[BlockShape], Field(min_length=1)]
    """The blocks to run where it holds."""
    else_: list[BlockShape] = Field(default=[], alias="else")
    """The blocks to run where it does not."""


class RecordShape(Shape):
    """Make a record of the named type; every memory of that type remembers it."""

    record: str = Field(description="the type of record: a known name, or `plugin_file.ClassName`")
    as_: Annotated[
        Annotated[Identifier, Tag("<node>")]
        | Annotated[
            dict[
                str,
                Annotated[
                    Annotated[ExpressionText, Tag("<expression>")] | Annotated[EachShape, Tag("<each>")],
                    Discriminator(lambda value: "<each>" if isinstance(value, dict) else "<expression>"),
                ],
            ],
            Tag("<fields>"),
        ],
        Discriminator(lambda value: "<node>" if isinstance(value, str) else "<fields>"),
    ] = Field(alias="as", description="the record's fields; or a node, whose outputs of the same names they are")


class RunShape(Shape):
    """Run another workflow, with all its units, and go on when it is complete."""

    run: str = Field(description="its file, relative to this one, or the name of a bundled workflow")
    name: Identifier | None = Field(default=None, description="its name in this graph; the file's name if not stated")
    variant: str | None = Field(default=None, description="its variant to run")
    with_: dict[str, Json] = Field(
        default={}, alias="with", description="single values of it, by path: sections of this file, or expressions"
    )
    partial: bool = Field(default=False, description="go on even if some of its units failed")


BLOCKS: dict[str, type[Shape]] = {
    "map": MapShape,
    "repeat": RepeatShape,
    "when": WhenShape,
    "record": RecordShape,
    "run": RunShape,
}


def block_tag(value: object) -> str | None:
    """The tag of the kind of block that a YAML value is meant to be; None if it resembles no block."""
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
        default={}, description="`field: node.output` if several nodes produce it, or `field: data.NAME`"
    )
    lives: str | None = Field(default=None, description="the loop in which the output is remembered")


class ModelWiring(Shape):
    """The keys of a `models:` entry that belong to the engine rather than to the model."""

    use: str = Field(description="the kind of model")
    prices: Prices | None = Field(default=None, description="what its tokens cost; copies (`like`) have the same")
    budget: ModelBudget | None = Field(
        default=None,
        description="the most that it may be asked for in a run; what its copies (`like`) are asked for counts too",
    )
    or_: str | None = Field(
        default=None,
        alias="or",
        description="the model to ask in its place: once it is gone or its budget is spent, and for what it refuses",
    )


class MemoryWiring(Shape):
    """The keys of a `memory:` entry that belong to the engine rather than to the memory."""

    use: str = Field(description="the kind of memory")
    lives: str | None = Field(default=None, description="the loop in which it is remembered, the unit, or `forever`")
    of: str | None = Field(default=None, description="the type of record that it holds, as `record` names it")


class FromEnvironment(Shape):
    """`{env: NAME}`: the value of an environment variable."""

    env: Annotated[str, Field(min_length=1)]
    """The environment variable that has the value."""


class CassetteShape(Shape):
    """A folder in which model replies and tool results are recorded, or from which they are replayed."""

    path: str = Field(description="a folder, relative to this file")
    mode: Literal["live", "record", "replay"] = Field(
        description="`record` writes the folder, `replay` asks no model and calls no tool, `live` leaves it alone"
    )


class ResetShape(Shape):
    """A tool call, or a command, that brings the tools back to a known state before each pass of a loop."""

    before: Identifier = Field(description="a loop inside a unit, or the unit's name")
    tool: str | None = Field(default=None, description="the tool to call; it need not be allowed")
    arguments: dict[str, Json] = {}
    """The arguments of `tool`."""
    command: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="a program and its arguments, run in this file's folder"
    )


EntryShape: TypeAlias = Annotated[
    Annotated[UseShape, Tag("<use>")] | Annotated[Literal["off"], Tag("<off>")],
    Discriminator(lambda value: "<off>" if isinstance(value, str) else "<use>"),
]
"""An entry of `memory` or `nodes`: a `use:` mapping, or the word `off`."""


VariantShape: TypeAlias = Annotated[
    Annotated[dict[str, Json], Tag("<changes>")] | Annotated[Literal["off"], Tag("<off>")],
    Discriminator(lambda value: "<off>" if isinstance(value, str) else "<changes>"),
]
"""A variant: `path: value` lines, or the word `off`."""


class WorkflowShape(Shape):
    """One workflow file."""

    dsl: Literal[2] = Field(description="the version of the language")
    name: Name
    """The workflow's name, which its runs are called by."""
    about: str = ""
    """Its purpose, in a sentence."""
    extends: str | None = Field(default=None, description="a workflow file that this one changes")
    set: dict[str, Json] = Field(default={}, description="single values changed by path, after `extends`")
    seed: int = 0
    """Every random choice of a run is made from it."""
    params: dict[Identifier, Json] = {}
    """Named values for expressions (`params.NAME`) and prompts."""
    data: dict[Identifier, UseShape] = Field(
        default={}, description="lists that a loop can go over, as `over: data.NAME`"
    )
    plugins: list[str] = Field(
        default=[],
        description="Python files with nodes, types of record and other classes of the workflow's own",
    )
    models: dict[Identifier, UseShape] = {}
    """The models that nodes ask, by name; `{like: NAME, …}` copies another one."""
    tools: list[UseShape] = []
    """The sources of tools: Python functions, MCP servers, OpenAPI services."""
    allow: list[str] | Literal["ask"] | None = Field(
        default=None,
        description="effects, or names of tools, that the run may call; `ask`: a person decides call by call",
    )
    redact: list[FromEnvironment] = Field(default=[], description="values that no prompt, file or report may show")
    cassette: CassetteShape | None = None
    """Record the replies of models and the results of tools, or replay them."""
    reset: ResetShape | None = None
    """Bring the tools back to a known state before each pass of a loop."""
    limits: ToolLimits = ToolLimits()
    """Limits of calls of tools."""
    memory: dict[Identifier, EntryShape] = {}
    """The memories, and how long each is kept (`lives`)."""
    nodes: dict[Identifier, EntryShape] = {}
    """The nodes that the graph runs, by name."""
    graph: Annotated[list[BlockShape], Field(min_length=1)]
    """The blocks, in order: names of nodes, `map`, `repeat`, `when`, `record`, `run`."""
    budget: Budget = Budget()
    """The most that the whole run may use, and `per` unit or pass; it then stops, and goes on with a larger budget."""
    variants: dict[Name, VariantShape] = Field(
        default={}, description="named changes, by path; `off` for one of the file in `extends` that this one has not"
    )


REQUIRED = ("dsl", "name", "graph")


GROUPS: dict[Section, Group] = {
    "data": "data",
    "models": "models",
    "tools": "tools",
    "memory": "memories",
    "nodes": "nodes",
}
