"""`ste export`: a run in the formats of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ste_graph.command_line import OutFile
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.training.rows.format import ArgumentFormat, RowFormat, SplitSide


class RunForm(StrEnum):
    """The forms of a whole run, besides the rows of its examples."""

    inspect = "inspect"
    otlp = "otlp"


ROW_FORMS = tuple(form.value for form in RowFormat)
RUN_FORMS = tuple(form.value for form in RunForm)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    form: Annotated[
        str,
        typer.Option(
            "--form",
            metavar="FORM",
            help="Of a run of distil.yaml, rows: `messages` (chat messages with tool calls), `prompt-completion` (one "
            "per turn), `paper` (its text form). Of any run: `inspect` (logs for `inspect view`), `otlp` (spans).",
        ),
    ] = RowFormat.messages.value,
    answer_row: Annotated[
        bool, typer.Option("--answer-row", help="Rows: let the final answer be learnt too, and not only the calls.")
    ] = False,
    split: Annotated[
        SplitSide | None, typer.Option("--split", help="Rows: which side of the split; train if not given.")
    ] = None,
    arguments: Annotated[
        ArgumentFormat | None,
        typer.Option(
            "--arguments", help="In messages: as JSON text (OpenAI, if not given), or as an object (chat templates)."
        ),
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option(
            "--tool", metavar="NAME", help="Rows: only this tool; may be given more than once.", show_default=False
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option("--part", metavar="NAME", help="inspect: only this part of a run with parts.", show_default=False),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            metavar="URL",
            help="otlp: send the spans there; if neither this nor OTEL_EXPORTER_OTLP_ENDPOINT is given, print JSON.",
            show_default=False,
        ),
    ] = None,
    out: OutFile = None,
) -> None:
    """Write a run for other programs: its examples as rows to learn from, or the whole run as logs or as spans.

    With inspect, --out is a folder (RUN.inspect next to the run if not given), or one file that ends with .eval.
    """
    given = {
        "--answer-row": answer_row,
        "--split": split,
        "--arguments": arguments,
        "--tool": tool,
        "--part": part,
        "--endpoint": endpoint,
    }
    if form in RUN_FORMS:
        _refuse(form, given, but="--part" if form == RunForm.inspect else "--endpoint")
        from ste_graph.cli.export_run import export_inspect, export_otlp

        if form == RunForm.inspect:
            export_inspect(run, out, part)
        else:
            export_otlp(run, out, endpoint)
    elif form in ROW_FORMS:
        _refuse(form, {name: given[name] for name in ("--part", "--endpoint")})
        from ste_graph.cli.export_rows import export_rows

        export_rows(
            run,
            RowFormat(form),
            out,
            answer_row=answer_row,
            split=split or SplitSide.train,
            arguments=arguments or ArgumentFormat.text,
            tool=tool,
        )
    else:
        forms = (*ROW_FORMS, *RUN_FORMS)
        hint = did_you_mean(form, forms)
        raise typer.BadParameter(f"there is no form `{form}`; {hint}forms: {list_choices(forms)}", param_hint="--form")


def _refuse(form: str, given: Mapping[str, object], but: str = "") -> None:
    """Refuse an option that the form does not have."""
    if wrong := [name for name, value in given.items() if value and name != but]:
        raise typer.BadParameter(f"does not go with `--form {form}`", param_hint=", ".join(wrong))
