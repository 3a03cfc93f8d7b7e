"""Prompts of nodes: finding their files, and checking every name that they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from ste_graph.language.diagnostics import Span, remember
from ste_graph.language.findings import Findings, one_of
from ste_graph.language.resolution import Resolved
from ste_graph.language.scope import Place
from ste_graph.language.values import neighbour, relative
from ste_graph.language.vocabulary import Names, Vocabulary
from ste_graph.prompt import Prompt
from ste_graph.suggest import closest

VIEWS: Final = {
    "messages": ("empty", "messages"),
    "records": ("empty", "entries"),
    None: ("empty", "messages", "entries"),
}
"""What a prompt can read of a memory, by what the memory holds; None where that is not known."""


def found_prompt(value: str, span: Span, findings: Findings) -> Prompt | None:
    """The prompt in a file; None if there is none, or if it is no prompt."""
    path = relative(value, span)
    try:
        read = Prompt.read(path)
    except UnicodeDecodeError:
        findings.error("E505", f"`{value}` is not a text in UTF-8", span)
        return None
    except (OSError, ValueError) as error:
        if path.exists():
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            findings.error("E505", f"the prompt `{value}` cannot be read: {why.lower()}", span, expected="a text file")
            return None
        near = neighbour(path)
        suggestion = near and str(Path(value).with_name(near))
        findings.error("E505", f"there is no prompt file `{value}`", span, suggestion=suggestion)
        return None
    prompt = _parsed_once(read)
    remember(prompt.path, prompt.text)  # the file may have been another when it was parsed
    findings.diagnostics.extend(prompt.faults)
    return None if prompt.faults else prompt


@lru_cache(maxsize=64)
def _parsed_once(prompt: Prompt) -> Prompt:
    """The same prompt, parsed once for all arms of a workflow."""
    return prompt


def check_prompt(
    prompt: Prompt,
    node: Resolved,
    seats: Sequence[Place],
    vocabulary: Vocabulary,
    memories: Mapping[str, str | None],
    findings: Findings,
) -> None:
    """Check every name that a prompt reads, for all places at which its node stands.

    `memories` says of each memory, off or not, what it holds.
    """
    around = [loop for loop in seats[0].around if all(loop in seat.around for seat in seats)] if seats else []
    given = frozenset.intersection(*(seat.given for seat in seats)) if seats else frozenset()
    checker = _Checker(prompt, node, given, vocabulary, vocabulary.names(given, around), memories, findings)
    for name, (line, column, length) in prompt.places.items():
        checker.check(name, Span(prompt.path, line, column, length))


@dataclass(frozen=True, slots=True)
class _Checker:
    prompt: Prompt
    node: Resolved
    given: frozenset[str]
    vocabulary: Vocabulary
    names: Names
    memories: Mapping[str, str | None]
    findings: Findings

    def check(self, name: str, span: Span) -> None:
        root, _, rest = name.partition(".")
        if root in self.memories:
            self._view(root, rest, span)
        elif name in self.names:
            self._value(root, name, span)
        elif not self.names.opens(name) and root not in self._views:
            self._unknown(root, name, span)

    @property
    def _views(self) -> Sequence[str]:
        """The memories that the node names; one that is not defined was reported where it is named."""
        wiring = self.node.wiring
        return [*dict.fromkeys([*wiring.memories, *([wiring.transcript] if wiring.transcript else [])])]

    def _value(self, root: str, name: str, span: Span) -> None:
        """A value that may be null must be tested; all outputs of a node come together, so one test is enough."""
        if root not in self.vocabulary.outputs:
            return
        tested, above = self.prompt.tested, name.rpartition(".")[0]
        if root not in self.given:
            if any(one.split(".")[0] == root for one in tested):
                return
            remedy = f"`{{% if {name} is not none %}}` around it"
            if root in self.vocabulary.off:
                said = f"`{root}` is off, but the prompt of `{self.node.name}` needs `{name}`"
                self._error("E412", said, span, remedy, off=self.vocabulary.off[root])
            else:
                said = f"the prompt of `{self.node.name}` reads `{name}`, which is not given on every path to here"
                self._error("E211", said, span, remedy)
        elif (holder := self.names.get(above)) is not None and holder.nullable:
            near = [one for one in tested if f"{above}.".startswith(f"{one}.") or one.startswith(f"{above}.")]
            if not near:
                said = f"the prompt of `{self.node.name}` reads `{name}`, but `{above}` may be null"
                self._error("E211", said, span, f"`{{% if {above} is not none %}}` around it")

    def _unknown(self, root: str, name: str, span: Span) -> None:
        views = self._views
        shown = [f"{view}.{field}" for view in views for field in VIEWS[self.memories.get(view)]]
        below = sorted({known.split(".")[1] for known in self.names if known.startswith(f"{root}.")})
        roots = {known.split(".")[0] for known in [*self.names, *views]}
        known = f"`{root}` has: {', '.join(below)}" if below else one_of(roots, "nothing can be read here")
        said = f"unknown name `{name}` in the prompt of `{self.node.name}`"
        self._error("E204", said, span, known, suggestion=closest(name, [*self.names, *views, *shown]))

    def _view(self, memory: str, rest: str, span: Span) -> None:
        wiring = self.node.wiring
        mistyped = any(name not in self.memories for name in self._views)
        if memory not in self._views and not mistyped:
            said = f"the prompt of `{self.node.name}` shows the memory `{memory}`, which the node does not see"
            expected = f"`memories: [{', '.join([*wiring.memories, memory])}]` in `{self.node.name}`"
            self._error("E214", said, span, expected)
        fields = VIEWS[self.memories[memory]]
        if rest and rest.split(".")[0] not in fields:
            said = f"unknown name `{memory}.{rest}` in the prompt of `{self.node.name}`"
            near = closest(f"{memory}.{rest}", [f"{memory}.{field}" for field in fields])
            self._error("E204", said, span, f"`{memory}` has: {', '.join(fields)}", suggestion=near)

    def _error(
        self,
        code: str,
        message: str,
        span: Span,
        expected: str,
        *,
        suggestion: str | None = None,
        off: Span | None = None,
    ) -> None:
        related = [(self.node.span, f"`{self.node.name}` uses this prompt")]
        if off is not None:
            related.append((off, "it is turned off here"))
        self.findings.error(code, message, span, expected=expected, suggestion=suggestion, related=tuple(related))
