"""The values of a module: params, models, tools, data, memories, nodes and the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, cast, get_args

from pydantic import BaseModel

from ste_graph.coded.writing.layout import (
    Group,
    Text,
    assign,
    call_code,
    mapping,
    render_code,
    sequence,
    string_literal,
)
from ste_graph.coded.writing.names import PACKAGE, Imports
from ste_graph.coded.writing.settings import SettingsWriter
from ste_graph.compile.flow import Flow
from ste_graph.language.sections.entries import find_marker, inner_markers
from ste_graph.language.source.files import resolve_path
from ste_graph.language.source.tree import MappingNode, ScalarNode
from ste_graph.language.workflow import NodeSpec, Workflow


@dataclass(frozen=True, slots=True)
class ValueWriter:
    """Writes the values of one workflow; `tree` is what the file says."""

    workflow: Workflow
    tree: MappingNode
    imports: Imports
    settings: SettingsWriter

    def values(self) -> Iterator[str]:
        """`PARAMS`, `MODELS`, `TOOLS`, `DATA` and `MEMORIES`."""
        workflow, tree = self.workflow, self.tree
        params = self.settings.value(dict(workflow.params), None)
        yield assign("PARAMS: dict[str, Any]", params)
        asked = set(workflow.asked_models)
        models = [
            (name, self.settings.entry(model, tree.at(["models", name])))
            for name, model in workflow.models.items()
            if name in asked
        ]
        if models:
            yield assign("MODELS", mapping(models))
        tools = [self.settings.entry(source, tree.at(["tools", index])) for index, source in enumerate(workflow.tools)]
        if tools:
            yield assign("TOOLS", sequence(tools))
        sources = cast(Mapping[str, BaseModel], workflow.data)
        data = [(name, self.settings.entry(source, tree.at(["data", name]))) for name, source in sources.items()]
        if data:
            yield assign("DATA", mapping(data))
        memories = []
        for name, spec in workflow.memories.items():
            made = self.settings.entry(spec.memory, tree.at(["memory", name]))
            of = [("of", string_literal(spec.of))] if spec.of is not None and spec.of in workflow.records else []
            wrapped = call_code(
                self.imports.add(PACKAGE, "Memory"), [("", made), ("lives", string_literal(spec.lives)), *of]
            )
            memories.append((name, wrapped))
        if memories:
            yield assign("MEMORIES", mapping(memories))

    def node_function(self) -> str:
        nodes = [(spec.name, self._node(spec)) for spec in self.workflow.nodes.values()]
        node, models = self.imports.add("ste_graph.node", "Node"), self.imports.add(PACKAGE, "Models")
        memories = self.imports.add(PACKAGE, "Memories")
        return "\n".join(
            [
                f"def make_nodes(models: {models}, memories: {memories}) -> dict[str, {node}]:",
                '    """Makes the nodes of a unit."""',
                f"    return {render_code(mapping(nodes), indent=4, broken=True)}",
            ]
        )

    def _node(self, spec: NodeSpec) -> Group:
        tree, more = self.tree.at(["nodes", spec.name]), {}
        for key, model in spec.models.items():
            more[key] = f"models[{string_literal(model)}]"
        for key, prompt in spec.prompts.items():
            value = tree.at([key]) if tree is not None else None
            assert isinstance(value, ScalarNode), "a prompt is a path"
            path = self.settings.path(resolve_path(str(value.value), value.span))
            more[key] = f"{self.imports.class_of(prompt)}.read({path})"
        for key, memory in spec.recalls.items():
            more[key] = self.imports.add(PACKAGE, "OFF") if memory is None else f"memories[{string_literal(memory)}]"
        arguments: list[tuple[str, Text]] = []
        for key, info in spec.cls.model_fields.items():
            if key in more:
                arguments.append((key, more[key]))
            elif key in spec.settings:
                value = spec.settings[key]
                if info.is_required() or value != info.get_default(call_default_factory=True):
                    own = tree.at([key]) if tree is not None else None
                    arguments.append((key, self.settings.value(value, own, find_marker(info), inner_markers(info))))
        return call_code(self.imports.class_of(spec.cls), arguments)

    def state(self, flow: Flow) -> str:
        """The type `State`, with every channel."""
        channels: list[tuple[str, Text]] = []
        for name, own in flow.channels.items():
            node, _, output = name.partition(".")
            if own.empty is not None:
                kind = "list[Any]"
            elif node in self.workflow.nodes and output in self.workflow.nodes[node].outputs.model_fields:
                kind = _type_text(self.workflow.nodes[node].outputs.model_fields[output].annotation)
            elif name in flow.heads or name.startswith("last:"):
                kind = "int | None"
            elif name.endswith(".joined"):
                kind = "bool | None"
            elif name.startswith("start:"):
                kind = "str | None"
            else:
                kind = "Any"
            channels.append((name, kind))
        return assign("State", call_code("TypedDict", [("", string_literal("State")), ("", mapping(channels))]))


def _type_text(annotation: Any) -> str:
    """The type of an output, or None: in words of the builtins, else `Any`."""
    kinds = get_args(annotation) if NoneType in get_args(annotation) else (annotation,)
    names = [kind.__name__ for kind in kinds if kind in (str, int, float, bool)]
    if len(names) == len([kind for kind in kinds if kind is not NoneType]):
        return " | ".join([*names, "None"])
    return "Any"
