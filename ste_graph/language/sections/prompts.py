"""Prompts of nodes: finding their files, and checking every name that they read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ste_graph.diagnostics import Span, remember
from ste_graph.language.sections.resolution import ResolvedEntry
from ste_graph.language.sections.scope import Position
from ste_graph.language.sections.vocabulary import Names, Vocabulary
from ste_graph.language.source.files import find_file_fault, resolve_path, with_closest_name
from ste_graph.language.source.findings import Findings, one_of
from ste_graph.prompts.prompt import Prompt
from ste_graph.suggest import closest

VIEWS: Final = {
    "messages": ("empty", "messages"),
    "records": ("empty", "entries"),
    "values": (),
    None: ("empty", "messages", "entries"),
}
"""The parts of a memory that a prompt can read, by the kind of its contents; None: the kind is not known."""


def find_prompt(value: str, span: Span, findings: Findings) -> Prompt | None:
    """The prompt in a file; None if the file is missing or not a prompt, as is reported."""
    path = resolve_path(value, span)
    if fault := find_file_fault(path, value, "prompt file"):
        is_missing = not os.path.exists(path)
        near = with_closest_name(value, path) if is_missing else None
        findings.error("E505", fault, span, expected=None if is_missing else "a text file", suggestion=near)
        return None
    try:
        read = Prompt.read(path)
    except UnicodeDecodeError as error:
        message = f"the prompt `{value}` is not UTF-8 text (byte {error.start})"
        findings.error("E505", message, span, help="save it as UTF-8")
        return None
    except OSError as error:
        message = f"the prompt file `{value}` cannot be read: {(error.strerror or str(error)).lower()}"
        findings.error("E505", message, span, expected="a text file")
        return None
    if not read.text.strip():
        help = "write the prompt into it, or name another file"
        findings.error("E505", f"the prompt `{value}` is empty: the model would be asked nothing", span, help=help)
        return None
    prompt = _cached_prompt(read)
    remember(prompt.path, prompt.text)  # the file may have been another when it was parsed
    findings.diagnostics.extend(prompt.diagnostics)
    return None if prompt.diagnostics else prompt


@lru_cache(maxsize=64)
def _cached_prompt(prompt: Prompt) -> Prompt:
    """The same prompt, parsed only once for all variants of a workflow."""
    return prompt


def check_prompt(
    prompt: Prompt,
    node: ResolvedEntry,
    positions: Sequence[Position],
    vocabulary: Vocabulary,
    memories: Mapping[str, str | None],
    findings: Findings,
) -> None:
    """Check every name that a prompt reads, for all positions of its node.

    `memories` has, per memory, off or not, the kind of its contents.
    """
    loops = [loop for loop in positions[0].loops if all(loop in each.loops for each in positions)] if positions else []
    available = frozenset.intersection(*(each.available for each in positions)) if positions else frozenset()
    names = vocabulary.names(available, loops)
    checker = _PromptChecker(prompt, node, available, vocabulary, names, memories, findings)
    for name, (line, column, length) in prompt.name_spans.items():
        checker.check(name, Span(prompt.path, line, column, length))


@dataclass(frozen=True, slots=True)
class _PromptChecker:
    prompt: Prompt
    node: ResolvedEntry
    available: frozenset[str]
    vocabulary: Vocabulary
    names: Names
    memories: Mapping[str, str | None]
    findings: Findings

    def check(self, name: str, span: Span) -> None:
        """Report one name if it cannot be read."""
        root, _, rest = name.partition(".")
        if root in self.memories:
            self._check_memory(root, rest, span)
        elif name in self.names:
            self._check_value(root, name, span)
        elif not self.names.has_parts(name) and root not in self._memory_names:
            self._report_unknown(root, name, span)

    @property
    def _memory_names(self) -> Sequence[str]:
        """The memories that the node names; an undefined one was reported where the node names it."""
        wiring = self.node.wiring
        return [*dict.fromkeys([*wiring.memories, *([wiring.transcript] if wiring.transcript else [])])]

    def _check_value(self, root: str, name: str, span: Span) -> None:
        """Report a value that may be null and is not tested; one test is enough for all outputs of a node."""
        if root not in self.vocabulary.outputs:
            return
        tested, above = self.prompt.tested_names, name.rpartition(".")[0]
        if root not in self.available:
            if any(other.split(".")[0] == root for other in tested):
                return
            help = f"put `{{% if {name} is not none %}}` around it"
            if root in self.vocabulary.off:
                message = f"`{root}` is off, but the prompt of `{self.node.name}` needs `{name}`"
                self._error("E412", message, span, help=help, off=self.vocabulary.off[root])
            else:
                message = (
                    f"the prompt of `{self.node.name}` reads `{name}`, which is not available on every path to here"
                )
                self._error("E211", message, span, help=help)
        elif (holder := self.names.get(above)) is not None and holder.nullable:
            near = [other for other in tested if f"{above}.".startswith(f"{other}.") or other.startswith(f"{above}.")]
            if not near:
                message = f"the prompt of `{self.node.name}` reads `{name}`, but `{above}` may be null"
                self._error("E211", message, span, help=f"put `{{% if {above} is not none %}}` around it")

    def _report_unknown(self, root: str, name: str, span: Span) -> None:
        memories = self._memory_names
        parts = [f"{memory}.{field}" for memory in memories for field in VIEWS[self.memories.get(memory)]]
        below = sorted({known.split(".")[1] for known in self.names if known.startswith(f"{root}.")})
        roots = {known.split(".")[0] for known in [*self.names, *memories]}
        expected = f"`{root}` has: {', '.join(below)}" if below else one_of(roots, "nothing can be read here")
        message = f"unknown name `{name}` in the prompt of `{self.node.name}`"
        self._error("E204", message, span, expected, suggestion=closest(name, [*self.names, *memories, *parts]))

    def _check_memory(self, memory: str, rest: str, span: Span) -> None:
        wiring = self.node.wiring
        has_unknown = any(name not in self.memories for name in self._memory_names)
        if memory not in self._memory_names and not has_unknown:
            message = f"the prompt of `{self.node.name}` reads the memory `{memory}`, which the node does not name"
            help = f"write `memories: [{', '.join([*wiring.memories, memory])}]` in `{self.node.name}`"
            self._error("E214", message, span, help=help)
        fields = VIEWS[self.memories[memory]]
        if rest and rest.split(".")[0] not in fields:
            message = f"unknown name `{memory}.{rest}` in the prompt of `{self.node.name}`"
            near = closest(f"{memory}.{rest}", [f"{memory}.{field}" for field in fields])
            self._error("E204", message, span, f"`{memory}` has: {', '.join(fields)}", suggestion=near)

    def _error(
        self,
        code: str,
        message: str,
        span: Span,
        expected: str | None = None,
        *,
        suggestion: str | None = None,
        help: str | None = None,
        off: Span | None = None,
    ) -> None:
        related = [(self.node.span, f"`{self.node.name}` uses this prompt")]
        if off is not None:
            related.append((off, "it is turned off here"))
        self.findings.error(
            code, message, span, expected=expected, suggestion=suggestion, help=help, related=tuple(related)
        )
