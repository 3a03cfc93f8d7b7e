"""The findings of a proof: memories used that never arrive, and things that a variant removes but that still arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, cast

from ste_graph.compile.flow import Flow, FlowBuilder
from ste_graph.diagnostics import Diagnostic, Severity, Span, display_path
from ste_graph.lab.proofs.arm import BASE, Arm
from ste_graph.lab.proofs.evidence import Wire
from ste_graph.lab.proofs.reach import can_arrive, loops_that_forget, unreachable_reads, writers_of
from ste_graph.lab.proofs.reading import names_read, reads_memory
from ste_graph.language.workflow import EARLIER_RUN, VALUES, MemorySpec, NodeSpec

NOT_SHOWN: Final = "E701"
FORGOTTEN: Final = "E702"
STILL_THERE: Final = "E703"
UNPROVEN: Final = "N704"
ONLY_RECORDED: Final = "W705"


def find_faults(arm: Arm, base: Arm | None) -> list[Diagnostic]:
    """The faults of an arm; `base` is the arm without a variant, None for itself."""
    checker = _Checker(arm, base, FlowBuilder.build(arm.workflow))
    found = checker.problems()
    if arm.was_run:
        found += [*checker.in_prompts(), *checker.transcripts(), *checker.read_by_nodes(), *checker.outputs()]
        found += [*checker.outlived(), *(checker.taken_away(base) if base is not None else ())]
    return list(dict.fromkeys(found))


def name_arm(found: Diagnostic, arm: Arm) -> Diagnostic:
    """The fault with the arm that it was found in; nothing is said of the file as it is."""
    variant, _, part = arm.name.partition(", ")
    places = [f"variant `{variant}`"] if variant != BASE else []
    places += [f"`run: {part}`"] if part else []
    return replace(found, message=f"in {', '.join(places)}: {found.message}") if places else found


@dataclass(frozen=True)
class _Checker:
    arm: Arm
    base: Arm | None
    flow: Flow

    def in_prompts(self) -> Iterator[Diagnostic]:
        """Memories in `memories:` of a node."""
        for node in self.arm.workflow.nodes.values():
            for name in node.memories:
                memory = self.arm.workflow.memories.get(name)
                if memory is None or not node.prompts:
                    continue
                wire = self.arm.evidence.wires.get(("prompt", name, node.name, ()))
                if wire is None:
                    yield self._unproven(f"`{node.name}`, which uses `{name}`, asked nothing", node)
                elif not wire.filled:
                    yield from self._empty(memory, node, wire)
                elif not wire.arrived:
                    yield self._dropped(memory, node)

    def transcripts(self) -> Iterator[Diagnostic]:
        """Memories in `transcript:`: what a node says there must be heard, and it must hear what it heard elsewhere."""
        wires = self.arm.evidence.wires
        for memory in self.arm.workflow.memories.values():
            if memory.of is not None or self._is_changed(memory):
                continue
            found = {(node, loops): wire for (kind, name, node, loops), wire in wires.items() if name == memory.name}
            for (node, loops), wire in found.items():
                for (other, outer), heard in found.items():
                    deeper = other == node and len(loops) > len(outer) and loops[: len(outer)] == outer
                    if deeper and heard.filled and not wire.filled:
                        yield self._forgotten(memory, self.arm.workflow.nodes[node], f"in the loop `{loops[-1]}`")
            if found and not any(wire.filled for wire in found.values()):
                nodes = [node for node in self.arm.workflow.nodes.values() if node.transcript == memory.name]
                if not any(self._can_arrive(memory, node, bounds=False) for node in nodes):
                    yield self._forgotten(memory, nodes[0], "")
                else:
                    yield self._unproven(f"`{memory.name}` was never read after something was said in it", memory)

    def read_by_nodes(self) -> Iterator[Diagnostic]:
        """Memories that a node reads itself, and what becomes of its outputs."""
        for node in self.arm.workflow.nodes.values():
            for name in filter(None, node.recalls.values()):
                memory = self.arm.workflow.memories[name]
                wire = self.arm.evidence.wires.get(("node", name, node.name, ()))
                was_run = wire is not None and bool(wire.uses or wire.ignored)
                if wire is None or not was_run or (not wire.uses and reads_memory(node, name)):
                    yield self._unproven(f"`{node.name}` did not read `{name}`", node)
                elif not wire.uses:
                    message = f"`{node.name}` uses `{name}`, but never reads it"
                    help = f"let its code read the memory, or take it out of `{node.name}`"
                    yield Diagnostic(NOT_SHOWN, "error", message, node.span, help=help)
                elif not wire.filled:
                    yield from self._empty(memory, node, wire)
                else:
                    yield from self._passed_on(memory, node, wire)

    def _passed_on(self, memory: MemorySpec, node: NodeSpec, wire: Wire) -> Iterator[Diagnostic]:
        """A fault if a value that a node drew from a memory gets nowhere: into no prompt, condition, or other node."""
        read = names_read(self.arm.workflow, node.name)
        shown = {key: each for key, each in self.arm.evidence.outputs.items() if key[0] == node.name}
        if read.control or any(each.arrived for each in shown.values()):
            return
        texts = " and ".join(f"`{node.name}.{name}`" for name in sorted(wire.carried))
        what = f"what `{node.name}` draws from `{memory.name}`" + (f" is in {texts}, but" if texts else "")
        if any(each.filled for each in shown.values()):
            (_, name, reader), _ = next((key, each) for key, each in shown.items() if each.filled)
            prompt = next(iter(self.arm.workflow.nodes[reader].prompts.values()))
            span = _prompt_span(self.arm.workflow.nodes[reader], node.name) or node.span
            help = f"print it in {prompt.path}, as in `{{{{ {node.name}.{name} }}}}`"
            message = f"{what} does not arrive in the prompt of `{reader}`, which reads it"
            yield Diagnostic(NOT_SHOWN, "error", message, span, help=help, related=((node.span, "it is drawn here"),))
        elif read.prompts:
            yield self._unproven(f"{what} was never there when a prompt read it", node)
        elif wire.carried or not read.records:
            code, severity = (ONLY_RECORDED, "warning") if read.records else (NOT_SHOWN, "error")
            message = f"{what} arrives in no prompt, no condition and no other node"
            message += "; it is only recorded" if read.records else ""
            outputs = ", ".join(f"`{node.name}.{name}`" for name in node.outputs.model_fields)
            help = f"read one of {outputs} in a prompt, or turn the node off: `nodes.{node.name}: off`"
            yield Diagnostic(code, cast(Severity, severity), message, node.span, help=help)

    def outputs(self) -> Iterator[Diagnostic]:
        """Outputs that a prompt reads, and that are forgotten before it does."""
        for reader, producer, spans, path in unreachable_reads(self.flow):
            names = sorted(spans)
            line, column, length = spans[names[0]]
            lives = self.arm.workflow.nodes[producer].lives
            listed = ", ".join(f"`{name}`" for name in names)
            yield Diagnostic(
                FORGOTTEN,
                "error",
                f"the prompt of `{reader}` reads {listed}, but never finds it: `{producer}` lives in `{lives}`, and is "
                "forgotten before the prompt is made",
                Span(path, line, column, length),
                help=f"let it live longer: `lives: {_longer(self.flow, lives)}` in `{producer}`",
                related=((self.arm.workflow.nodes[producer].span, f"`{producer}` is defined here"),),
            )

    def outlived(self) -> Iterator[Diagnostic]:
        """Memories that show what should be forgotten."""
        for name, reader in self.arm.evidence.outlived.items():
            memory = self.arm.workflow.memories[name]
            if memory.of not in (VALUES, EARLIER_RUN) and memory.lives != "forever":
                message = f"`{name}` lives in `{memory.lives}`, but shows `{reader}` what another one has left in it"
                help = "its class must give back only entries of the scope that it is asked for"
                yield Diagnostic(STILL_THERE, "error", message, memory.span, help=help)

    def taken_away(self, base: Arm) -> Iterator[Diagnostic]:
        """The things that memories brought in the base, but that come only by another node's outputs in the variant."""
        for (origin, distance), own in self.arm.evidence.arrivals.items():
            before = base.evidence.arrivals.get((origin, distance))
            if before is None or own.ways or not own.passed_on:
                continue
            gone = sorted(before.ways)
            if not gone:
                continue
            way, reader = next(iter(own.passed_on.items()))
            node = self.arm.workflow.nodes[way.partition(".")[0]]
            ways = " or ".join(f"`{each}`" for each in gone)
            message = (
                f"what {_distance_text(origin, distance)} no longer arrives by {ways}, but it still arrives in the "
                f"prompt of `{reader}`, by `{way}`"
            )
            help = f"if the variant is to do without it, turn that off as well: `nodes.{node.name}: off`"
            yield Diagnostic(STILL_THERE, "error", message, node.span, help=help)

    def problems(self) -> list[Diagnostic]:
        """The problems that kept the arm from being proven."""
        return [self._unproven(problem, None) for problem in self.arm.evidence.problems]

    def _empty(self, memory: MemorySpec, node: NodeSpec, wire: Wire) -> Iterator[Diagnostic]:
        """A memory that had nothing in it when it was used."""
        if self._is_changed(memory):
            return
        if memory.of in (VALUES, EARLIER_RUN) or not (wire.due or not self._can_arrive(memory, node)):
            yield self._unproven(f"`{memory.name}` had nothing in it when `{node.name}` was run", node)
        else:
            yield self._forgotten(memory, node, "")

    def _dropped(self, memory: MemorySpec, node: NodeSpec) -> Diagnostic:
        prompt = next(iter(node.prompts.values()))
        span = _prompt_span(node, memory.name)
        reads = "which reads it" if span else "which does not read it"
        part = "entries" if memory.of is not None else "messages"
        inner = "{{ each.… }}" if memory.of is not None else "{{ each.content }}"
        loop = f"{{% for each in {memory.name}.{part} %}}{inner}{{% endfor %}}"
        return Diagnostic(
            NOT_SHOWN,
            "error",
            f"`{node.name}` uses `{memory.name}`, but nothing that is in it arrives in its prompt, {reads}",
            span or node.span,
            help=f"print its {part} in {prompt.path}, as in `{loop}`, or take it out of `memories`",
            related=((node.span, "it is used here"),) if span else (),
        )

    def _forgotten(self, memory: MemorySpec, node: NodeSpec, where: str) -> Diagnostic:
        always = f"always empty when `{node.name}` is run{f' {where}' if where else ''}"
        longer = _longer(self.flow, memory.lives)
        reachable = self._can_arrive(memory, node) and not where
        if reachable:
            message = f"`{memory.name}` is {always}, though something was put into it"
            help = "its class must give back what it was given in the same scope"
        elif not where and not can_arrive(self.flow, writers_of(self.flow, memory), node.name, ()):
            message = f"`{memory.name}` is {always}: what goes into it comes later"
            help = f"read it after the first `record: {memory.of}`" if memory.of else "speak in it before it is read"
        else:
            message = f"`{memory.name}` is {always}: it lives in `{memory.lives}`, and is forgotten before"
            help = f"let it live longer: `lives: {longer}`"
        return Diagnostic(
            FORGOTTEN,
            "error",
            message,
            memory.span,
            help=help,
            related=((node.span, f"`{node.name}` uses it here"),),
        )

    def _unproven(self, message: str, at: NodeSpec | MemorySpec | None) -> Diagnostic:
        span = at.span if at is not None else Span(display_path(self.arm.workflow.file), 1, 1, 1)
        return Diagnostic(UNPROVEN, "note", f"not proven: {message}", span)

    def _can_arrive(self, memory: MemorySpec, node: NodeSpec, *, bounds: bool = True) -> bool:
        forgotten_by = loops_that_forget(self.flow, memory.lives)
        return can_arrive(self.flow, writers_of(self.flow, memory), node.name, forgotten_by, bounds=bounds)

    def _is_changed(self, memory: MemorySpec) -> bool:
        """True if the variant itself gives the memory another lifetime or recall: what is missing is its point."""
        if self.base is None:
            return False
        own = self.base.workflow.memories.get(memory.name)
        return own is None or (own.memory, own.lives) != (memory.memory, memory.lives)


def _prompt_span(node: NodeSpec, root: str) -> Span | None:
    """The first place in a node's prompts where a name is read."""
    for prompt in node.prompts.values():
        for name, (line, column, length) in sorted(prompt.name_spans.items(), key=lambda item: item[1]):
            if name.split(".")[0] == root:
                return Span(prompt.path, line, column, length)
    return None


def _longer(flow: Flow, lives: str) -> str:
    """The next longer lifetime."""
    around = flow.heads[lives].around if lives in flow.heads else ()
    return around[-1] if around else flow.workflow.unit


def _distance_text(origin: str, distance: str) -> str:
    whose = "another unit" if distance == "unit" else f"another `{distance}`"
    return f"`{origin}` gave in {whose}"
