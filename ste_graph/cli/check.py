"""`ste check`: all problems of a workflow, before a token is spent."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.command_line import WRONG, Changes, File, NoPlugins, Variant, echo, load_experiment
from ste_graph.diagnostics import Diagnostic, DiagnosticsError, Span
from ste_graph.errors import WorkflowError
from ste_graph.text import count_noun

if TYPE_CHECKING:
    from ste_graph.lab.proofs import Proof


class CheckFormat(StrEnum):
    """Text for a person, data for a program, or annotations for GitHub."""

    text = "text"
    json = "json"
    github = "github"


def check(
    file: File,
    variant: Variant = None,
    changes: Changes = None,
    no_plugins: NoPlugins = False,
    proofs: Annotated[
        bool,
        typer.Option(
            "--proofs",
            help="Also run each arm offline, and prove that memories arrive in the prompts that use them, and that "
            "what a variant takes away does not. No model is asked, no tool called.",
        ),
    ] = False,
    format: Annotated[
        CheckFormat,
        typer.Option("--format", help="Text for a person, data for a program, or annotations for a GitHub workflow."),
    ] = CheckFormat.text,
) -> None:
    """List all problems of a workflow and its variants."""
    from ste_graph.cli.sources import find_source_problems, report_empty_tests

    variants: Sequence[str] = ()
    proof: Proof | None = None
    try:
        if proofs and no_plugins:
            raise WorkflowError(f"{file}: a proof runs the nodes, those of plugins too: leave out --no-plugins")
        experiment = load_experiment(file, variant, changes, plugins=not no_plugins)
        variants = experiment.variants
        diagnostics = [*experiment.remarks, *([] if no_plugins else find_source_problems(experiment))]
        diagnostics += report_empty_tests(experiment)
        if proofs:
            proof = prove_arms(file, variant, changes)
            diagnostics += proof.diagnostics
    except DiagnosticsError as problems:
        diagnostics = list(problems.diagnostics)
    except WorkflowError as error:
        message = str(error).removeprefix(f"{file}: ")
        diagnostics = [Diagnostic("E101", "error", message, Span(str(file), 1, 1, 1))]
    failed = any(diagnostic.severity == "error" for diagnostic in diagnostics)
    match format:
        case CheckFormat.json:
            echo(json.dumps([diagnostic.to_json() for diagnostic in diagnostics], indent=2))
        case CheckFormat.github:
            for diagnostic in diagnostics:
                echo(annotation(diagnostic))
        case CheckFormat.text:
            for diagnostic in diagnostics:
                echo(str(diagnostic))
            for line in proof.lines() if proof is not None else ():
                echo(line)
            echo(summary_line(file, diagnostics, variants), error=failed)
    if failed:
        raise typer.Exit(WRONG)


def prove_arms(file: Path, variant: str | None, changes: Sequence[str] | None) -> Proof:
    """Prove the wiring of the file as it is, and of its variants, or of the one that was chosen."""
    from ste_graph.experiment import Experiment, load
    from ste_graph.lab.proofs import prove
    from ste_graph.language.loading import parse_change

    own = [parse_change(change) for change in changes or ()]
    with redirect_stdout(sys.stderr):  # whatever the code of plugins prints
        if variant is not None:  # the command line has the last word in it, as in `ste run`
            base, variants = load(file, set=own), [load(file, variant=variant, set=own)]
        else:
            base, *variants = Experiment.load_arms(file, set=own)
        return prove(base.workflow, [each.workflow for each in variants])


_ANNOTATIONS = {"error": "error", "warning": "warning", "note": "notice"}


def annotation(diagnostic: Diagnostic) -> str:
    """The diagnostic as GitHub shows it next to the line: one workflow command, with its special characters escaped."""
    span = diagnostic.span
    text = "\n".join(filter(None, [diagnostic.message, diagnostic.expected, diagnostic.help]))
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = span.file.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    end = span.column + max(1, span.length)
    place = f"file={name},line={span.line},col={span.column},endColumn={end},title={diagnostic.code}"
    return f"::{_ANNOTATIONS[diagnostic.severity]} {place}::{escaped}"


def summary_line(file: Path, diagnostics: Sequence[Diagnostic], variants: Sequence[str]) -> str:
    """The last line of the report."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = sum(diagnostic.severity == "warning" for diagnostic in diagnostics)
    counts = [count_noun(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        return f"{file}: {', '.join(counts)}"
    remarks = [*counts, *([f"{count_noun(len(variants), 'variant')}: {', '.join(variants)}"] if variants else [])]
    return f"{file}: ok" + (f" ({'; '.join(remarks)})" if remarks else "")
