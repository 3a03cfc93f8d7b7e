"""The functions of a module: one per vertex, one router per loop and per condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ste_graph.coded.writing.expressions import ExpressionWriter, wrap_condition
from ste_graph.coded.writing.layout import (
    Group,
    Text,
    call_code,
    docstring,
    mapping,
    render_code,
    sequence,
    string_literal,
)
from ste_graph.coded.writing.names import Identifiers, Imports, channel
from ste_graph.compile.channels import each_channel, output_channel
from ste_graph.compile.flow import AtBranch, AtEnd, AtHead, AtVertex, Branch, Flow, Head, Target, Vertex
from ste_graph.contracts import Json
from ste_graph.language.blocks import Each, Map, NodeBlock, RecordBlock, Repeat
from ste_graph.language.workflow import FromData, FromLoop, FromNode, FromParam, NodeSpec, Source


@dataclass(slots=True)
class FunctionWriter:
    """Writes the functions of one graph."""

    flow: Flow
    imports: Imports
    bounds: Mapping[str, Json]
    """Per loop, its bound as the file says it."""
    expressions: ExpressionWriter
    identifiers: Identifiers = field(default_factory=Identifiers)
    _whens: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._whens = {number: count for count, number in enumerate(self.flow.branches, start=1)}

    def function(self, vertex: Vertex) -> str:
        """The name of the function that runs a vertex."""
        if isinstance(vertex.block, NodeBlock):
            return self.identifiers.find("run_", vertex.id)
        return self.identifiers.find("record_", vertex.block.key)

    def target(self, target: Target) -> str:
        """The code of where control goes."""
        match target:
            case AtVertex(id=id):
                return string_literal(id)
            case AtEnd():
                return self.imports.add("langgraph.graph", "END")
            case AtHead(loop=loop):
                return self.identifiers.find("next_", loop)
            case AtBranch(number=number):
                return f"when_{self._whens[number]}"

    def is_static(self, vertex: Vertex) -> bool:
        """True if the same vertex, or the end, always comes next: a plain edge."""
        return isinstance(vertex.then, AtVertex | AtEnd)

    def vertex(self, vertex: Vertex) -> list[str]:
        """The function that runs a vertex."""
        self.imports.add("langgraph.runtime", "Runtime")
        static = self.is_static(vertex)
        result = "dict[str, Any]" if static else "Command[str]"
        if not static:
            self.imports.add("langgraph.types", "Command")
        loops = [] if not vertex.loops else [("loops", sequence([string_literal(loop) for loop in vertex.loops]))]
        opened = call_code("Step", [("", "runtime.context"), ("", string_literal(vertex.id)), ("", "state"), *loops])
        ends = "return step.changes()" if static else f"return step.goto({self.target(vertex.then)})"
        return [
            f"async def {self.function(vertex)}(state: State, runtime: Runtime[CodedContext]) -> {result}:",
            *docstring(self._about(vertex)),
            f"    step = {render_code(opened, indent=4, before=11)}",
            *self._body(vertex),
            f"    {ends}",
        ]

    def head(self, head: Head) -> list[str]:
        """The router of a loop."""
        block, loop = head.block, head.block.name
        bound = self.expressions.bound(self.bounds.get(loop), block.bound or 0)
        leave = self.target(head.leave)
        lines: list[str] = []
        if isinstance(block, Map):
            lines.append(f"    step.open({string_literal(loop)}, {self.expressions.value(block.over)})")
            count = f"len({channel(f'{loop}.items')})"
            lines += self._exit(f"step.passes({string_literal(loop)}) == {count}", loop, "items", leave)
            lines += self._exit(f"step.passes({string_literal(loop)}) == {bound}", loop, "at_most", leave)
        else:
            if block.test == "while" and block.condition is not None:
                lines += self._exit(self.expressions.condition(block.condition, negated=True), loop, "while", leave)
            if block.test == "until" and block.condition is not None:
                lines += self._until(block, leave)
            reason = "times" if block.test == "times" else "at_most"
            lines += self._exit(f"step.passes({string_literal(loop)}) == {bound}", loop, reason, leave)
        lines.append(f"    return step.enter({string_literal(loop)}, {self.target(head.enter)})")
        return self._router(self.identifiers.find("next_", loop), self._loop_about(block), lines)

    def branch(self, number: int, branch: Branch) -> list[str]:
        """The router of a `when`."""
        code = self.expressions.condition(branch.block.condition)
        lines = [
            f"    if {wrap_condition(code, indent=4, before=7)}:",
            f"        return {self.target(branch.do)}",
            f"    return {self.target(branch.otherwise)}",
        ]
        about = f"Chooses between two ways, by `{branch.block.condition.text}`."
        return self._router(f"when_{self._whens[number]}", about, lines)

    def _router(self, name: str, about: str, lines: list[str]) -> list[str]:
        state = ["    state = step.state"] if any("state[" in line for line in lines) else []
        return [f"def {name}(step: Step) -> Target:", *docstring(about), *state, *lines]

    def _exit(self, condition: str, loop: str, reason: str, leave: str) -> list[str]:
        return [
            f"    if {wrap_condition(condition, indent=4, before=7)}:",
            f"        return step.leave({string_literal(loop)}, {string_literal(reason)}, {leave})",
        ]

    def _until(self, block: Repeat, leave: str) -> list[str]:
        assert block.condition is not None
        code = self.expressions.condition(block.condition)
        wrapped = f"({code})" if " or " in code else code
        return self._exit(f"step.passes({string_literal(block.name)}) > 0 and {wrapped}", block.name, "until", leave)

    def _body(self, vertex: Vertex) -> Iterator[str]:
        match vertex.block:
            case NodeBlock(node=node):
                spec = self.flow.workflow.nodes[node]
                inputs = [
                    (name, self._source(spec.inputs[name]))
                    for name in spec.cls.Inputs.model_fields
                    if name in spec.inputs
                ]
                arguments: list[tuple[str, Text]] = [
                    ("", string_literal(node)),
                    *([("", mapping(inputs))] if inputs else []),
                ]
                yield f"    await {render_code(call_code('step.run', arguments), indent=4, before=10)}"
            case RecordBlock() as block:
                values = [(name, self._value(value, block)) for name, value in block.values.items()]
                asked = self._asked(block)
                more: list[tuple[str, Text]] = [("asked", asked)] if asked.items else []
                made = call_code("step.record", [("", string_literal(block.record)), ("", mapping(values)), *more])
                yield f"    await {render_code(made, indent=4, before=10)}"

    def _value(self, value: Any, block: RecordBlock) -> str:
        if isinstance(value, Each):
            return channel(each_channel(value, block.key))
        return self.expressions.value(value)

    def _asked(self, block: RecordBlock) -> Group:
        """Per value of a record: the nodes that ask a model and that it comes from."""
        nodes, found = self.flow.workflow.nodes, []
        for name, value in block.values.items():
            read = [value.first] if isinstance(value, Each) else sorted({own.split(".")[0] for own in value.names})
            asking = [node for node in read if node in nodes and nodes[node].models]
            if asking:
                found.append((name, sequence([string_literal(node) for node in asking])))
        return mapping(found)

    def _source(self, source: Source) -> str:
        match source:
            case FromNode(node=node, field=name):
                found = output_channel(node, name)
                return channel(found) if found in self.flow.channels else "None"
            case FromLoop(name=name):
                return self.expressions.name(name)
            case FromData(data=name):
                return f"step.data[{string_literal(name)}]"
            case FromParam(param=name):
                return f"PARAMS[{string_literal(name)}]"

    def _about(self, vertex: Vertex) -> str:
        if isinstance(vertex.block, RecordBlock):
            return f"Records a `{vertex.block.record}`."
        spec: NodeSpec = self.flow.workflow.nodes[vertex.block.node]
        first = (spec.cls.__doc__ or "").strip().split("\n\n")[0]
        return " ".join(first.split()) or f"Runs `{spec.name}`."

    def _loop_about(self, block: Repeat | Map) -> str:
        bound = self.bounds.get(block.name, block.bound)
        if isinstance(block, Map):
            return f"Begins a pass of `{block.name}` for each of `{block.over.text}`, at most `{bound}` of them."
        if block.condition is None:
            return f"Begins a pass of `{block.name}`, `{bound}` times."
        return f"Begins a pass of `{block.name}` {block.test} `{block.condition.text}`, at most `{bound}` times."


def list_bounds(blocks: Json) -> dict[str, Json]:
    """The bound of each loop as the file says it, by the loop's name."""
    found: dict[str, Json] = {}
    for block in blocks if isinstance(blocks, Sequence) and not isinstance(blocks, str) else ():
        if not isinstance(block, Mapping):
            continue
        name = block.get("repeat") or block.get("map")
        bound = block.get("times", block.get("at_most"))
        if isinstance(name, str) and bound is not None:
            found[name] = bound
        for inner in ("do", "else"):
            found |= list_bounds(block.get(inner))
    return found
