"""`ste runs`: the runs in a folder, and what may be asked of one that is going, from another terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ste_graph.command_line import Format, OutputFormat, echo
from ste_graph.errors import SteError, WorkflowError
from ste_graph.suggest import did_you_mean
from ste_graph.text import align_columns, count_noun

if TYPE_CHECKING:
    from ste_graph.contracts import Json

ASKED: Final = {"stop": "stopped", "pause": "paused", "resume": "going", "limit": "going"}
"""The requests that can be made of a run, and the state that each asks for."""
_WORDS: Final = (*ASKED, "compact")
_COLUMNS: Final = ("run", "state", "units", "records", "decision", "model calls", "tokens", "begun")


def runs(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIR | stop RUN | pause RUN | resume RUN | limit RUN N | compact RUN]",
            help="The folder whose runs are listed; or what to ask of one of them.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[Path | None, typer.Argument(hidden=True, show_default=False)] = None,
    number: Annotated[int | None, typer.Argument(hidden=True, min=1, show_default=False)] = None,
    format: OutputFormat = Format.text,
) -> None:
    """List the runs in a folder (runs/), or ask something of one that is going in another terminal.

    `stop` ends it cleanly, and the same command takes it up again; `pause` lets what is under way end and begins
    nothing new, until `resume`; `limit` sets how many requests each model server gets at once.

    `compact` compresses the step logs of the finished units of a run that is not going; all reads them as before.

    Only figures and names of files are shown, nothing that a model or a tool wrote.

    Examples: `ste runs`, `ste runs pause runs/explore`, `ste runs limit runs/explore 4`.
    """
    if what == "compact":
        if run is None or number is not None:
            raise typer.BadParameter("expected `ste runs compact RUN`", param_hint="RUN")
        _compact(run, format)
    elif what in ASKED:
        if run is None:
            raise typer.BadParameter(f"which run? expected `ste runs {what} RUN`", param_hint="RUN")
        if (what == "limit") != (number is not None):
            expected = "ste runs limit RUN N" if what == "limit" else f"ste runs {what} RUN"
            raise typer.BadParameter(f"expected `{expected}`", param_hint="N")
        _ask(what, run, number)
    elif run is not None:
        raise typer.BadParameter(
            f"`{what}` cannot be asked of a run; {did_you_mean(str(what), _WORDS)}one of: {', '.join(_WORDS)}"
        )
    else:
        _list(Path(what or "runs"), format)


def _ask(what: str, path: Path, number: int | None) -> None:
    from ste_graph.files.lock import lock_owner
    from ste_graph.finished import open_run
    from ste_graph.run.control import Control, read_control, write_control

    opened = open_run(path)
    if lock_owner(opened.folder.writer) is None:
        raise WorkflowError(f"{path}: is not running, so that there is nothing to {what}; `ste run` resumes a run")
    before = read_control(path)
    if before.state == "stopped":
        raise WorkflowError(f"{path}: was asked to stop, and is about to")
    asked = (
        Control(state=before.state, concurrency=number)
        if what == "limit"
        else before.model_copy(update={"state": ASKED[what]})
    )
    write_control(path, asked)
    words = {
        "stop": "asked to stop; the same `ste run` command takes it up again",
        "pause": f"asked to pause; `ste runs resume {path}` lets it go on",
        "resume": "asked to go on",
        "limit": f"asked to send at most {number} requests at once to each model server",
    }
    echo(f"{path}: {words[what]}")


def _compact(path: Path, format: Format) -> None:
    from ste_graph.finished import open_run
    from ste_graph.run.logs.compaction import Compaction, compact_logs, hold_run

    opened = open_run(path)
    parts = [opened, *opened.sub_runs]
    done = Compaction()
    try:
        with hold_run([part.path for part in parts]):
            for part in parts:
                done.add(compact_logs(part.folder, part.lock))
    except OSError as error:
        raise WorkflowError(f"{path}: cannot be compacted ({error.strerror or error}); nothing is lost") from error
    if format is Format.json:
        echo(json.dumps({"run": str(path), **asdict(done)}, indent=2))
        return
    left = f"; {count_noun(done.open, 'unit')} not finished, whose logs stay as they are" if done.open else ""
    sizes = f", {done.bytes / 1e6:,.1f} MB, now {(done.bytes - done.saved) / 1e6:,.1f} MB" if done.compressed else ""
    echo(f"{path}: compressed {count_noun(done.compressed, 'log')}{sizes}{left}; everything reads them as before")


def _list(folder: Path, format: Format) -> None:
    from ste_graph.finished import is_run

    if not folder.is_dir():
        raise WorkflowError(f"{folder}: is not a folder; expected the one that holds the runs")
    found = [folder] if is_run(folder) else sorted(each for each in folder.iterdir() if is_run(each))
    entries = [_entry(each) for each in found]
    if format is Format.json:
        echo(json.dumps(entries, indent=2))
    elif not entries:
        echo(f"{folder}: there is no run here; start one with `ste run WORKFLOW`")
    else:
        rows = [[str(entry.get(column, "")) for column in _COLUMNS] for entry in entries]
        echo("\n".join(align_columns([list(_COLUMNS), *rows], left=(0, 1, 3, 4, 7))))


def _entry(path: Path) -> dict[str, Json]:
    """A run in figures; of one that cannot be read, the reason."""
    from ste_graph.cli.text.outcome import read_evaluations, records_text
    from ste_graph.files.lock import lock_owner
    from ste_graph.finished import open_run
    from ste_graph.run.control import read_control

    try:
        opened = open_run(path)
        summary = opened.summary()
        decisions: Sequence[Mapping[str, Json]] = read_evaluations(opened)
    except SteError as error:
        return {"run": str(path), "state": f"cannot be read: {str(error).removeprefix(f'{path}: ').partition(';')[0]}"}
    going = lock_owner(opened.folder.writer) is not None
    state = "complete" if summary.complete else "not complete"
    if going:
        state = "paused" if read_control(path).state == "paused" else "running"
    elif summary.failed:
        state = f"{len(summary.failed)} failed"
    elif summary.stopped:
        state = "out of budget"
    used = summary.used
    return {
        "run": str(path),
        "state": state,
        "units": f"{summary.done}/{summary.units}",
        "records": records_text(summary.records),
        "decision": ", ".join(dict.fromkeys(str(line["decision"]) for line in decisions)),
        "model calls": f"{used.model_calls:,}",
        "tokens": f"{used.prompt_tokens + used.completion_tokens:,}",
        "begun": str(opened.lock.get("created") or "")[:16].replace("T", " "),
    }
