"""The list of what is wrong with one workflow, filled by every check and raised as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from ste_graph.language.diagnostics import Diagnostic, Span

Related = tuple[tuple[Span, str], ...]


class Findings:
    """Collects diagnostics; checks go on after an error, so that a person sees all of them at once."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        expected: str | None = None,
        suggestion: str | None = None,
        related: Related = (),
    ) -> None:
        self.diagnostics.append(Diagnostic(code, "error", message, span, expected, suggestion, related))

    def warning(self, code: str, message: str, span: Span, *, expected: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, "warning", message, span, expected))

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(found.severity == "error" for found in self.diagnostics)


def one_of(choices: Iterable[str], otherwise: str) -> str:
    """The legal choices, sorted, as an error says them; `otherwise` where there are none."""
    listed = ", ".join(sorted(choices))
    return f"one of: {listed}" if listed else otherwise
