"""`ste pack`: what was learnt and adopted, as a folder that carries its proof."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ste_graph.command_line import FAILED, Changes, Format, OutputFormat, echo
from ste_graph.memory.faces.pack_serve import serve
from ste_graph.packs.outcome import SIMULATED, OutcomeFormat, PackOutcome

if TYPE_CHECKING:
    from ste_graph.experiment import Experiment
    from ste_graph.language.loading import Change
    from ste_graph.memory.exemplars.packs.packing import NewPack
    from ste_graph.packs.manifest import Manifest
    from ste_graph.packs.pack import Pack

pack = typer.Typer(
    name="pack",
    help="Packs: what was learnt and adopted, with its proof; make one, check it, verify it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

pack.command()(serve)

PackFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the pack.", show_default=False)]


class PrivateContent(StrEnum):
    """The kinds of content that may be let into a pack on purpose."""

    paths = "paths"
    addresses = "addresses"


@pack.command()
def make(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of gain, or of evaluate.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="The folder to write.", show_default=False),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a pack that is there.")] = False,
    not_adopted: Annotated[
        bool, typer.Option("--not-adopted", help="Also if nothing was adopted: to be looked at, and refused in use.")
    ] = False,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Put other values in place of those of the tools, the same everywhere.")
    ] = False,
    keep: Annotated[
        list[PrivateContent] | None,
        typer.Option("--keep", help="Let these in where tools give them; without it, what holds any is left out."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing: list every value of a tool that would go out.")
    ] = False,
    format: OutputFormat = Format.text,
) -> None:
    """Write what a run of gain adopted as a pack, and list the values of tools that go out with it."""
    from ste_graph.memory.exemplars.packs.packing import build_pack
    from ste_graph.packs.manifest import require_place, write_pack
    from ste_graph.packs.sources import find_source

    if not dry_run:
        require_place(out, force=force)
    source = find_source(run, unadopted=not_adopted)
    new = build_pack(
        source, out.resolve().name, pseudonyms=pseudonyms, keeps=sorted({word.value for word in keep or ()})
    )
    if not dry_run:
        write_pack(out, new.manifest, new.files, force=force)
    if format is Format.json:
        echo(json.dumps(_to_json(new, out, written=not dry_run), indent=2, ensure_ascii=False))
        return
    for line in _report(new, out, whole=dry_run):
        echo(line)


@pack.command()
def check(dir: PackFolder, format: OutputFormat = Format.text) -> None:
    """Check that a pack is whole, and that no path, address or secret is in it. Exit code 1 if something is wrong."""
    from ste_graph.packs.check import check_pack

    found = check_pack(dir)
    if format is Format.json:
        manifest = found.manifest.model_dump(mode="json")
        whole = {"pack": str(dir), "problems": found.problems, "next": found.next_step, "manifest": manifest}
        echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        for problem in found.problems:
            echo(f"{dir}: {problem}")
        if found.next_step is None:
            count, state = len(found.manifest.files), _state(found.manifest)
            echo(f"{dir}: whole ({count} files), and nothing in it that must not go out{state}")
        else:
            echo(f"next: {found.next_step}")
    if found.problems:
        raise typer.Exit(FAILED)


@pack.command()
def verify(
    dir: PackFolder,
    tools: Annotated[
        Path | None,
        typer.Option(
            "--tools",
            metavar="FILE",
            help="The tools as they are now: a workflow, or a file of Python functions.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
    calls: Annotated[
        bool,
        typer.Option("--calls/--no-calls", help="With --tools: make the calls of exemplars again, if they only read."),
    ] = True,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Put the cases to this model again; or `simulated`, or a mapping as in YAML.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="The model's server; unset: STE_MODEL_URL.", show_default=False),
    ] = None,
    cases: Annotated[
        int | None, typer.Option("--cases", metavar="N", min=1, help="The most cases of a tool; unset: all.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="RUNS",
            help="Keep the runs of the test there; unset: in a temporary folder.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        OutcomeFormat, typer.Option("--format", help="Text, data, annotations for GitHub, or JUnit's XML.")
    ] = OutcomeFormat.text,
) -> None:
    """Find out whether a pack still holds: exit code 0, or 1 if not, or 3 if there are too few cases to say.

    Are the tools still those, and do calls that only read still give what they gave (--tools)? Does the gain still
    hold on the cases (--model)?
    """
    import asyncio

    from ste_graph.errors import WorkflowError
    from ste_graph.packs.pack import open_adopted_pack

    if tools is None and model is None:
        raise WorkflowError(
            f"{dir}: nothing to verify it against; name the tools in --tools (a workflow, or a file of Python "
            "functions), or a model in --model"
        )
    opened = open_adopted_pack(dir)
    outcome = PackOutcome(str(dir), simulated=opened.manifest.simulated)
    # stdout is for the result, whatever the code of tools prints; and what could not be tried is not lost
    with redirect_stdout(sys.stderr), _name_pack_in_errors(dir):
        if tools is not None:
            asyncio.run(_verify_tools(opened, tools, changes or (), outcome, calls=calls))
        if model is not None:
            _verify_gain(opened, _read_model(model, url), cases, out, outcome)
    echo(outcome.render(format))
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


@contextmanager
def _name_pack_in_errors(dir: Path) -> Iterator[None]:
    """Turn a `RunError` into a `WorkflowError`: the exit code 1 is for what does not hold any more."""
    from ste_graph.errors import RunError, WorkflowError

    try:
        yield
    except RunError as error:
        raise WorkflowError(f"{dir}: could not be verified: {error}") from error


async def _verify_tools(opened: Pack, file: Path, changes: Sequence[str], outcome: PackOutcome, *, calls: bool) -> None:
    from ste_graph.experiment import load
    from ste_graph.language.loading import parse_change
    from ste_graph.memory.exemplars.packs.pack_verification import verify_tools
    from ste_graph.redaction import redact_errors
    from ste_graph.run.tools import open_tools, tool_policy

    own = [parse_change(change) for change in changes]
    if file.suffix == ".py":
        own.insert(0, _functions_of(file))
        file = Path("quickstart")
    experiment = load(file, set=own)
    workflow = experiment.workflow
    outcome.tools = _tool_options(experiment, changes) or outcome.tools
    with redact_errors(workflow.secrets):
        async with open_tools(workflow) as found:
            await verify_tools(opened, found, tool_policy(workflow), outcome, calls=calls)


def _tool_options(experiment: Experiment, changes: Sequence[str]) -> str | None:
    """The options that give another workflow these tools; None where their paths are only right in their own file."""
    from ste_graph.language.source.tool_files import flow_text

    tree = experiment.tree.at(["tools"])
    if tree is None or not (tree.span.file.startswith("--") or Path(tree.span.file).parent == Path()):
        return None
    rest = [change for change in changes if not change.strip().startswith("tools")]
    words = [word for change in (f"tools={flow_text(tree.to_plain())}", *rest) for word in ("--set", change)]
    return shlex.join(words)


def _functions_of(file: Path) -> Change:
    """The change of a workflow that has the functions of a file as its tools. Raises `WorkflowError`."""
    from ste_graph.errors import WorkflowError
    from ste_graph.language.loading import Change
    from ste_graph.language.source.files import closest_file, find_file_fault
    from ste_graph.suggest import render_hint

    if fault := find_file_fault(file, str(file)):
        raise WorkflowError(f"--tools {file}: {fault}; {render_hint(closest_file(file, '.py'))}".rstrip("; "))
    return Change("tools", f"[{{use: python, module: {json.dumps(str(file))}}}]", "--tools")


def _verify_gain(
    opened: Pack, model: Mapping[str, Any], cases: int | None, out: Path | None, outcome: PackOutcome
) -> None:
    from tempfile import TemporaryDirectory

    from ste_graph.packs.gain import measure_gain

    with TemporaryDirectory() as folder:
        found = measure_gain(
            opened, model, out or Path(folder), cases=cases, report=lambda line: echo(line, error=True)
        )
    outcome.simulated = outcome.simulated or found.evaluation.simulated
    if found.model != opened.manifest.model:
        outcome.add(
            "gain", "model", "note", f"the pack was made for {opened.manifest.model}, and this is {found.model}"
        )
    outcome.add("gain", opened.manifest.arm, found.status, found.text)
    if found.restraint is not None:
        outcome.add("gain", "restraint", *found.restraint)


def _read_model(text: str, url: str | None) -> dict[str, Any]:
    """The changes of a workflow that ask this model. Raises `WorkflowError`."""
    import yaml

    from ste_graph.errors import WorkflowError

    if text == "simulated":
        return {"models.main": {"use": "simulated"}}
    if text.lstrip().startswith("{"):
        try:
            return {"models.main": dict(yaml.safe_load(text))}
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise WorkflowError(f"--model {text}: is not a mapping, as in '{{use: openai, model: NAME}}'") from error
    return {"models.main.model": text, **({"models.main.base_url": url} if url else {})}


def _report(new: NewPack, out: Path, *, whole: bool) -> list[str]:
    from ste_graph.packs.usage import list_proofs, list_uses
    from ste_graph.packs.values import list_values
    from ste_graph.text import count_noun

    data, manifest = new.data, new.manifest
    parts = [
        (len(data.exemplars), "exemplar"), (len(data.lessons), "lesson"), (len(data.guideline), "guideline"),
        (len(data.descriptions), "description"), (len(data.cases), "case"),
    ]  # fmt: skip
    counts = ", ".join(count_noun(count, noun) for count, noun in parts if count)
    done, tools = "would write" if whole else "wrote", count_noun(len(manifest.tools), "tool")
    lines = [f"{done} {out}: {counts} of {tools}{_state(manifest)}"]
    lines += [f"  {line}" for line in new.left_out.lines]
    if new.pseudonyms is not None:
        replaced, left = len(new.pseudonyms.replaced), len(new.pseudonyms.left)
        lines.append(f"  {count_noun(replaced, 'value')} replaced, {left} left as they are")
    values = list_values(data, whole=whole)
    if values:
        lines += [
            "values of tools that go out with it (pseudonyms):"
            if new.pseudonyms
            else "values of tools that go out with it:"
        ]
        lines += [f"  {line}" for line in values]
    if not whole:
        place = shlex.quote(str(out))
        uses = [*list_proofs(manifest, place)[:2], *list_uses(manifest, place)]
        width = max(len(use.command) for use in uses)
        lines += ["next:", *(f"  {use.command:{width}}  # {use.purpose}" for use in uses)]
    return lines


def _state(manifest: Manifest) -> str:
    notes = [] if manifest.adopted else ["not adopted: only to be looked at"]
    if manifest.simulated:
        notes.append(SIMULATED)
    return f" ({'; '.join(notes)})" if notes else ""


def _to_json(new: NewPack, out: Path, *, written: bool) -> dict[str, object]:
    from ste_graph.packs.values import list_values

    return {
        "pack": str(out),
        "written": written,
        "adopted": new.manifest.adopted,
        "simulated": new.manifest.simulated,
        "forms": list(new.manifest.forms),
        "tools": list(new.manifest.tools),
        "left_out": new.left_out.lines,
        "values": list_values(new.data, whole=True),
    }
