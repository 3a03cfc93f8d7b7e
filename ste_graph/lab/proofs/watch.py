"""A proof's view of a run: every prompt that goes to a model, and the part that memories and nodes had in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ste_graph.compile.flow import FlowBuilder
from ste_graph.compile.stepper import StepKey
from ste_graph.contracts import Context, Json, Model, Observation, Reply, Scope, Selection
from ste_graph.errors import SteError
from ste_graph.lab.proofs.canaries import StepPlace
from ste_graph.lab.proofs.contents import (
    ENGINE_KEYS,
    arrived_fields,
    find_distance,
    is_undecided,
    list_marks,
    list_variations,
    render_content,
)
from ste_graph.lab.proofs.evidence import ArmEvidence, Wire
from ste_graph.lab.proofs.reach import loops_that_forget
from ste_graph.lab.proofs.stand_ins import Script, current
from ste_graph.language.workflow import NodeSpec, Workflow
from ste_graph.prompts.prompt import Prompt
from ste_graph.run.context import Watcher
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.unit.step_context import StepContext


class Watch(Watcher):
    """Looks on while one arm runs."""

    def __init__(self, workflow: Workflow, script: Script) -> None:
        self.workflow = workflow
        self.script = script
        self.evidence = ArmEvidence()
        self.readers = {spec.name for spec in workflow.nodes.values() if any(spec.recalls.values())}
        self._read: dict[str, list[tuple[Wire, set[str]]]] = defaultdict(list)
        self._given: set[tuple[str, str]] = set()
        self.quoted: dict[tuple[str, str], set[str]] = defaultdict(set)
        """The canaries in a unit's transcript that it has only from the outputs of nodes."""
        self._flow = FlowBuilder.build(workflow)
        self._scopes: dict[tuple[str, str], Scope] = {}
        self._asked_for: dict[str, set[str]] = defaultdict(set)

    def view(self, unit: str, node: str, memory: str, view: Any) -> Any:
        return WatchedView(self, unit, node, memory, view)

    def context(self, unit: str, spec: NodeSpec, key: StepKey, context: StepContext) -> Context:
        place = StepPlace(unit, spec.name, key.counters, frozenset(spec.outputs.model_fields))
        return WatchedContext(self, place, spec, context)  # it passes the rest on

    def read(self, unit: str, node: str, memory: str, content: Json) -> None:
        """A node has read a memory itself, and was given `content`."""
        self._asked_for[unit].add(memory)
        wire = self.evidence.wires["node", memory, node, ()]
        wire.uses += 1
        wire.due += self.has_given(unit, memory)
        if content:
            wire.filled += 1
            self._read[unit].append((wire, list_marks(content)))

    def shows_others(self, unit: str, memory: str, entries: Sequence[Json]) -> bool:
        """True if a memory shows records of several passes of the loop that it lives in, or of another unit."""
        known = [self._scopes.get((memory, str(entry.get("id")))) for entry in entries]
        scopes = {scope for scope in known if scope is not None}
        return len(scopes) > 1 or any(scope[0] != unit for scope in scopes)

    def forgets(self, memory: str, distance: str) -> bool:
        """True if a memory has forgotten what was made in another pass of the loop `distance`."""
        lives = self.workflow.memories[memory].lives if memory in self.workflow.memories else ""
        return distance in loops_that_forget(self._flow, lives) or (distance == "unit" and lives != "forever")

    def has_given(self, unit: str, memory: str) -> bool:
        """True if a unit has put something into a memory."""
        return (unit, memory) in self._given

    def step(self, unit: str, step: LoggedStep, *, replayed: bool) -> None:
        for memory, scope in (step.scopes or {}).items():
            self.evidence.remembered[memory] += 1
            self._scopes[memory, str((step.record or {})["id"])] = tuple(scope)
            self._given.add((unit, memory))
        spec = self.workflow.nodes.get(step.key.partition(" ")[0].partition("~")[0])
        for memory in filter(None, spec.recalls.values() if spec is not None else ()):
            if memory not in self._asked_for[unit] and self.has_given(unit, memory):
                self.evidence.wires["node", memory, spec.name, ()].ignored += 1  # type: ignore[union-attr]
        self._asked_for.pop(unit, None)
        for wire, marks in self._read.pop(unit, ()):
            for name, value in step.outputs.items():
                text = render_content(value)
                if any(mark in text for mark in marks):
                    wire.carried.add(name)


class ObservedContext(ABC):
    """The context of one step, of which each prompt is looked at before it is sent; all else is passed on."""

    def __init__(self, place: StepPlace, context: StepContext) -> None:
        self._place, self._context = place, context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def ask(self, model: Model, prompt: Prompt, **options: Any) -> Reply:
        current.set(self._place)
        await self.look(prompt, None)
        return await self._context.ask(model, prompt, **options)

    async def answer_tool_call(self, model: Model, result: str, *, otherwise: Prompt) -> Reply:
        current.set(self._place)
        await self.look(otherwise, result)
        return await self._context.answer_tool_call(model, result, otherwise=otherwise)

    async def call_tool(self, name: str, arguments: Mapping[str, Json]) -> Observation:
        current.set(self._place)
        return await self._context.call_tool(name, arguments)

    @abstractmethod
    async def look(self, prompt: Prompt, result: str | None) -> None:
        """Look at a prompt, or at what is sent in its place as the result of a tool call."""


class WatchedContext(ObservedContext):
    """The context of one step in a proof."""

    def __init__(self, watch: Watch, place: StepPlace, spec: NodeSpec, context: StepContext) -> None:
        super().__init__(place, context)
        self._watch, self._spec = watch, spec

    async def look(self, prompt: Prompt, result: str | None) -> None:
        evidence, spec = self._watch.evidence, self._spec
        values = await self._context.prompt_values(prompt)
        sent = await self._context.compose(prompt, result, values=values)
        shown = render_content(sent.messages)
        evidence.prompts += 1
        ways: dict[str, str] = {}
        if spec.transcript:
            wire = evidence.wires["transcript", spec.transcript, spec.name, self._place.loops]
            wire.uses += 1
            wire.filled += bool(sent.remembered)
            wire.arrived += bool(sent.remembered)
            ways[spec.transcript] = render_content(sent.remembered)
        for memory in spec.memories:
            view = values.get(memory) or await self._context.memory_view(memory)
            wire = evidence.wires["prompt", memory, spec.name, ()]
            wire.uses += 1
            wire.due += self._watch.has_given(self._place.unit, memory)
            if not view["empty"]:
                wire.filled += 1
                key = "entries" if view["entries"] else "messages"
                if self._watch.shows_others(self._place.unit, memory, view["entries"]):
                    evidence.outlived[memory] = spec.name
                await self._try(wire, prompt, result, values, memory, key, sent.messages)
                ways[memory] = render_content([arrived_fields(entry, wire) for entry in view[key]])
        for root in values.keys() & self._watch.workflow.nodes.keys():
            for name in prompt.roots[root]:
                value = values[root][name]
                ways[f"{root}.{name}"] = render_content(value)
                if root in self._watch.readers and value not in (None, [], {}, ""):
                    wire = evidence.outputs[root, name, spec.name]
                    wire.filled += 1
                    await self._try(wire, prompt, result, values, root, name, sent.messages)
        self._note_arrivals(shown, ways)

    async def _try(
        self,
        wire: Wire,
        prompt: Prompt,
        result: str | None,
        values: Mapping[str, Any],
        root: str,
        key: str,
        sent: Sequence[Json],
    ) -> None:
        """Find out whether what is under `root.key` arrives: whether another content would make another prompt."""
        if root not in values:
            return
        content = values[root][key]
        others = [
            (name, other) for name, other in list_variations(content, self._engine_keys) if is_undecided(wire, name)
        ]
        for name, other in others:
            changed = {**values, root: {**values[root], key: other}}
            try:
                differs = (await self._context.compose(prompt, result, values=changed)).messages != sent
            except SteError:  # the prompt cannot be rendered with it, and so depends on it
                differs = True
            wire.fields[name] = 1 if differs else wire.fields.get(name, 0) - 1
        wire.arrived += any(number > 0 for number in wire.fields.values())

    @property
    def _engine_keys(self) -> frozenset[str]:
        """The keys that every record has, whatever it is about."""
        return ENGINE_KEYS | {self._watch.workflow.unit, *(loop for loop, _ in self._place.counters)}

    def _note_arrivals(self, shown: str, ways: Mapping[str, str]) -> None:
        """Note of each canary that an earlier pass has made by which ways it came here.

        A memory brings what was made within its lifetime. Older things in it, and what came into a conversation only
        because a prompt quoted the output of another node, are quotations.
        """
        watch, evidence = self._watch, self._watch.evidence
        quoted = watch.quoted[self._place.unit, self._spec.transcript or ""]
        for canary in watch.script.canaries.find(shown):
            origin = watch.script.canaries.origins[canary]
            distance = find_distance(origin, self._place)
            if distance is None:
                continue
            arrival = evidence.arrivals[origin.node, distance]
            has_come = False
            quoting = []
            for way in (way for way, text in ways.items() if f"qz{canary}a" in text):
                if "." in way and way.partition(".")[0] != origin.node:
                    quoting.append(way)
                elif "." in way or not (
                    watch.forgets(way, distance) or (way == self._spec.transcript and canary in quoted)
                ):
                    arrival.ways[way] = self._spec.name
                    has_come = True
            arrival.passed_on.update(dict.fromkeys(quoting, self._spec.name))
            if quoting and not has_come:
                quoted.add(canary)


class WatchedView:
    """The view of a memory that one node has, which tells what it gave."""

    def __init__(self, watch: Watch, unit: str, node: str, memory: str, view: Any) -> None:
        self._watch, self._unit, self._node, self._memory, self._view = watch, unit, node, memory, view

    async def nearest(self, text: str, k: int = 1) -> Any:
        found = await self._view.nearest(text, k)
        return self._tell(found, [near.entry.record for near in found])

    async def entries(self) -> Any:
        found = await self._view.entries()
        return self._tell(found, [entry.record for entry in found])

    async def similarities(self, text: str, others: Sequence[str]) -> Any:
        found = await self._view.similarities(text, others)
        return self._tell(found, [*others])  # of the memory, it is the embedder that is used

    async def select_exemplars(self, query: str, selection: Selection, *, tools: Sequence[str] | None) -> Any:
        found = await self._view.select_exemplars(query, selection, tools=tools)
        return self._tell(found, found.exemplars)

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> Any:
        found = await self._view.select_lessons(query, tools=tools, per_tool=per_tool, k=k)
        return self._tell(found, found.lines)

    async def draw(self, tool: Mapping[str, Json], k: int) -> Any:
        found = await self._view.draw(tool, k)
        return self._tell(found, {name: [each.value for each in values] for name, values in found.items()})

    def _tell(self, found: Any, content: Json) -> Any:
        self._watch.read(self._unit, self._node, self._memory, content)
        return found
