"""The list of what is wrong with one workflow, filled by every check and raised as a whole."""

from __future__ import annotations

from ste_graph.language.diagnostics import Diagnostic, Severity, Span


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
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        self._add("error", code, message, span, expected, suggestion, related)

    def warning(self, code: str, message: str, span: Span, *, expected: str | None = None) -> None:
        self._add("warning", code, message, span, expected, None, ())

    def _add(
        self,
        severity: Severity,
        code: str,
        message: str,
        span: Span,
        expected: str | None,
        suggestion: str | None,
        related: tuple[tuple[Span, str], ...],
    ) -> None:
        self.diagnostics.append(Diagnostic(code, severity, message, span, expected, suggestion, related))

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(found.severity == "error" for found in self.diagnostics)
