"""The text of a Python module that builds the graph of a workflow without its YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ste_graph.coded.writing.expressions import ExpressionWriter
from ste_graph.coded.writing.layout import call_code, docstring, render_code, sequence, string_literal, tuple_of
from ste_graph.coded.writing.names import PACKAGE, Imports
from ste_graph.coded.writing.routers import FunctionWriter, list_bounds
from ste_graph.coded.writing.settings import SettingsWriter
from ste_graph.coded.writing.tables import WorkflowWriter
from ste_graph.coded.writing.values import ValueWriter
from ste_graph.compile.edges import list_edges
from ste_graph.compile.flow import Flow, FlowBuilder
from ste_graph.diagnostics import Span, display_path
from ste_graph.errors import WorkflowError
from ste_graph.language.blocks import Repeat, walk
from ste_graph.language.sections.models import copy_models
from ste_graph.language.sections.plugins import import_file, plugin_files
from ste_graph.language.sections.resolution import UnloadedNode
from ste_graph.language.source.files import bundled_workflows
from ste_graph.language.source.findings import Findings
from ste_graph.language.source.tree import MappingNode
from ste_graph.language.workflow import Workflow


def write_module(workflow: Workflow, tree: MappingNode, out: Path) -> str:
    """The module for a file `out`; `tree` is what the workflow was made of.

    Paths in it start from its own folder or from the bundled workflows, and secrets and addresses come from the
    environment, as the workflow says.

    Raises:
        WorkflowError: a block, or a value, that cannot be written as such code: which one, and why.
    """
    obstacles = list(_obstacles(workflow))
    if obstacles:
        raise WorkflowError("\n".join(obstacles))
    text = _ModuleWriter(workflow, copy_models(tree, Findings()).tree, out).text()
    shown = next((secret for secret in workflow.secrets if secret in text), None)
    if shown is not None:
        raise WorkflowError(f"{workflow.file}: the module would show a secret; write `{{env: NAME}}` in its place")
    return text


def _obstacles(workflow: Workflow) -> Iterator[str]:
    """The parts that cannot be written, each with its place."""

    def place(span: Span) -> str:
        return f"{span.file}:{span.line}"

    bundled = {file.resolve() for file in bundled_workflows().values()}
    for name, sub in workflow.sub_workflows.items():
        file = sub.file.stem if sub.file.resolve() in bundled else display_path(sub.file)
        yield (
            f"{place(sub.span)}: `run: {name}` runs another workflow, whose graph is not part of this one; "
            f"write a module of that file by itself: `ste draw {file} --out {sub.file.stem}.py`"
        )
    if workflow.reset is not None:
        yield f"{place(workflow.reset.span)}: `reset` is not part of a graph; leave it out to write a module"
    for block, _ in walk(workflow.blocks):
        # In order, passes of a `map` come to the same as side by side; those of a `repeat` see more of each other.
        if isinstance(block, Repeat) and block.parallel is not None:
            yield (
                f"{place(block.span)}: the passes of `{block.name}` run side by side (`parallel`), and a module "
                "runs them in order; leave out `parallel` to write one"
            )
    for node in workflow.nodes.values():
        if issubclass(node.cls, UnloadedNode):
            yield f"{place(node.span)}: the class of `{node.name}` was not loaded; leave out `--no-plugins`"


@dataclass(slots=True)
class _ModuleWriter:
    """Writes one module, part by part."""

    workflow: Workflow
    tree: MappingNode
    out: Path
    imports: Imports = field(default_factory=Imports)

    def text(self) -> str:
        flow = FlowBuilder.build(self.workflow)
        for name in ("CodedWorkflow", "Step", "CodedContext", *(["Target"] if flow.heads or flow.branches else [])):
            self.imports.add(PACKAGE, name)
        self.imports.add("typing", "Any")
        self.imports.add("typing", "TypedDict")
        self.imports.add("langgraph.graph", "StateGraph")
        self.imports.add("langgraph.graph", "START")
        settings = SettingsWriter(self.imports, self.out.absolute().parent)
        plugins = self._plugins(settings)
        bounds = list_bounds(self.workflow.lock["workflow"]["graph"])
        functions = FunctionWriter(flow, self.imports, bounds, ExpressionWriter(flow, self.imports))
        values = ValueWriter(self.workflow, self.tree, self.imports, settings)
        workflow = WorkflowWriter(self.workflow, self.tree, self.imports, settings)
        parts = [
            *values.values(),
            values.node_function(),
            values.state(flow),
            *("\n".join(functions.vertex(vertex)) for vertex in flow.vertices.values()),
            *("\n".join(functions.head(head)) for head in flow.heads.values()),
            *("\n".join(functions.branch(number, branch)) for number, branch in flow.branches.items()),
            self._build(flow, functions),
            workflow.statement(flow, functions.target(flow.start)),
            'if __name__ == "__main__":\n    raise SystemExit(WORKFLOW.main())',
        ]
        roots = [*self._roots(settings), *plugins]
        head = [*self._about(), "", "from __future__ import annotations", "", *self.imports.lines(), *roots]
        return "\n".join(head).rstrip() + "\n\n" + _join(parts) + "\n"

    def _about(self) -> list[str]:
        workflow = self.workflow
        variant = f", variant `{workflow.variant}`" if workflow.variant else ""
        unit = f"each `{workflow.unit_map.name}`" if workflow.unit_map else "one unit"
        about = docstring(workflow.about or f"The workflow {workflow.name}.", indent=0)
        about = [line.removesuffix('"""') if line is about[-1] else line for line in about]
        return [
            *about,
            "",
            f"The workflow `{workflow.name}`{variant} as a LangGraph state graph that runs once for {unit}.",
            "`ste draw` wrote this module. It reads no YAML and is yours to change. `python FILE FOLDER` runs it in a",
            "folder, or takes up the run that is there.",
            '"""',
        ]

    def _roots(self, settings: SettingsWriter) -> list[str]:
        """The statements that name the folders from which paths start."""
        lines = []
        if settings.roots:
            self.imports.add("pathlib", "Path")
        if "BUNDLED" in settings.roots:
            self.imports.add("ste_graph", "workflows")
            lines.append("BUNDLED = Path(workflows.__file__).parent")
        if "HERE" in settings.roots:
            lines.append("HERE = Path(__file__).parent")
        return lines

    def _plugins(self, settings: SettingsWriter) -> list[str]:
        """The statements that import plugins, and their names for the imports."""
        lines = []
        for path, _ in plugin_files(self.tree.at(["plugins"])).values():
            name = f"plugin_{path.stem}"
            self.imports.plugins[import_file(path).__name__] = name
            lines.append(f"{name} = {self.imports.add(PACKAGE, 'load_plugin')}({settings.path(path)})")
        return lines

    def _build(self, flow: Flow, functions: FunctionWriter) -> str:
        edges = list_edges(flow)
        lines = [
            "def build_graph() -> StateGraph[Any, CodedContext, Any, Any]:",
            '    """Builds the graph of a unit."""',
            "    graph: StateGraph[Any, CodedContext, Any, Any] = StateGraph(State, context_schema=CodedContext)",
        ]
        end = "END"
        for vertex in flow.vertices.values():
            name = functions.function(vertex)
            if functions.is_static(vertex):
                lines.append(f"    graph.add_node({string_literal(vertex.id)}, {name})")
                continue
            targets = list(dict.fromkeys(edge.target for edge in edges if edge.source == vertex.id))
            codes = [end if target is None else string_literal(target) for target in targets]
            made = call_code(
                "graph.add_node", [("", string_literal(vertex.id)), ("", name), ("destinations", tuple_of(codes))]
            )
            lines.append(f"    {render_code(made, indent=4, before=4)}")
        starts = list(dict.fromkeys(edge.target for edge in edges if edge.source is None))
        codes = [
            self.imports.add("langgraph.graph", end) if target is None else string_literal(target) for target in starts
        ]
        if len(codes) == 1:
            lines.append(f"    graph.add_edge(START, {codes[0]})")
        else:
            self.imports.add("langgraph.runtime", "Runtime")
            made = call_code(
                "graph.add_conditional_edges", [("", "START"), ("", "first_vertex"), ("", sequence(codes))]
            )
            lines.append(f"    {render_code(made, indent=4, before=4)}")
        for vertex in flow.vertices.values():
            if functions.is_static(vertex):
                lines.append(f"    graph.add_edge({string_literal(vertex.id)}, {functions.target(vertex.then)})")
        lines.append("    return graph")
        if len(codes) == 1:
            return "\n".join(lines)
        first = [
            "def first_vertex(state: State, runtime: Runtime[CodedContext]) -> str:",
            '    """The vertex at which the unit begins."""',
            "    return runtime.context.entry",
        ]
        return "\n".join([*first, "", "", *lines])


def _join(parts: list[str]) -> str:
    """Statements one blank line apart, functions two."""
    text = parts[0]
    for before, part in pairwise(parts):
        apart = any(own.startswith(("def ", "async def ", "if ")) for own in (before, part))
        text += ("\n\n\n" if apart else "\n\n") + part
    return text
