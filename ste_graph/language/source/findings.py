"""The list of the problems of one workflow, filled by all checks and raised as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from ste_graph.diagnostics import Diagnostic, Span
from ste_graph.suggest import list_choices

Related = tuple[tuple[Span, str], ...]


class Findings:
    """Collects diagnostics; checks go on after an error, so that a person sees all problems at once."""

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
        help: str | None = None,
        related: Related = (),
    ) -> None:
        """Add an error."""
        self.diagnostics.append(Diagnostic(code, "error", message, span, expected, suggestion, related, help))

    def warning(
        self, code: str, message: str, span: Span, *, suggestion: str | None = None, help: str | None = None
    ) -> None:
        """Add a warning, which does not keep the workflow from running."""
        self.diagnostics.append(Diagnostic(code, "warning", message, span, None, suggestion, (), help))

    @property
    def has_errors(self) -> bool:
        """True if at least one of the findings is an error."""
        return any(found.severity == "error" for found in self.diagnostics)


def one_of(choices: Iterable[str], otherwise: str) -> str:
    """`one of: a, b`, sorted; `otherwise` for an empty list."""
    names = list(choices)
    return f"one of: {list_choices(names)}" if names else otherwise
