"""`ste score`: what a file of replies to a test is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.cli.options import Format, OutputFormat, echo, write_result
from ste_graph.scoring.parser import Parser

if TYPE_CHECKING:
    from ste_graph.scoring.score import Score


def score(
    predictions: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PREDICTIONS [OTHER]",
            help="A file of replies, {TOOL: [{query, action_input, model_output}, …]}; of two, the gain of the second.",
            show_default=False,
        ),
    ] = None,
    parser: Annotated[
        Parser, typer.Option("--parser", help="Who reads the replies: the released code's parser, or ours.")
    ] = Parser.tolerant,
    gold: Annotated[
        Path | None,
        typer.Option(
            "--gold",
            metavar="FILE",
            help="The test; else a tool_test.json near the replies or below STE_DATA, else what stands beside them.",
            show_default=False,
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers", metavar="FILE", help="The answers, where --gold names questions of BFCL.", show_default=False
        ),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option("--items", metavar="FILE", help="Write the labels of every reply there.", show_default=False),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out the tools of the test that the file does not hold.")
    ] = False,
    exact_names: Annotated[
        bool, typer.Option("--exact-names", help="Take a name that no tool has for wrong, not for the closest one.")
    ] = False,
    judged: Annotated[
        list[str] | None,
        typer.Option(
            "--judged",
            metavar="TOOL",
            help="A tool whose arguments only a judge can compare ('': none); unset: the paper's 19. May be repeated.",
            show_default=False,
        ),
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option("--verdicts", metavar="FILE|RUN", help="Verdicts that a judge has given.", show_default=False),
    ] = None,
    stored_verdicts: Annotated[
        bool, typer.Option("--stored-verdicts", help="Where only a judge can tell, take the label beside the reply.")
    ] = False,
    paper: Annotated[
        Path | None,
        typer.Option(
            "--paper",
            metavar="DIR",
            help="Instead: a checkout of microsoft/simulated-trial-and-error; score all its predictions again.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the intervals' resampling.")] = 0,
    format: OutputFormat = Format.text,
) -> None:
    """Score replies to a test: well-formed, right tool, right call, with 95 % intervals over tools."""
    from ste_graph.cli.scores import compared, told
    from ste_graph.errors import WorkflowError
    from ste_graph.scoring.comparison import Rules
    from ste_graph.scoring.difference import difference
    from ste_graph.scoring.judging import Verdicts
    from ste_graph.scoring.predictions import read_predictions
    from ste_graph.scoring.score import Score
    from ste_graph.scoring.verdict import known_verdicts

    files = predictions or []
    if paper is not None:
        if files or items:
            raise WorkflowError("ste score: --paper takes its files from the checkout; give neither others nor --items")
        _reproduce(paper, seed, format)
        return
    if len(files) not in (1, 2):
        raise WorkflowError(f"ste score: give one file of predictions, or two to compare; got {len(files)}")
    if items is not None and len(files) == 2:
        raise WorkflowError("ste score: --items goes with one file of predictions")
    bfcl = gold if gold is not None and _is_questions(gold) else None
    if answers is not None and bfcl is None:
        raise WorkflowError("ste score: --answers goes with a --gold that holds questions of BFCL, one a line")
    scores: list[Score] = []
    if bfcl is not None:
        from ste_graph.scoring.bfcl import read_questions, score_replies

        questions = read_questions(bfcl, answers)
        scores = [score_replies(questions, file, gold=str(bfcl)) for file in files]
    else:
        rules = Rules(frozenset(judged)) if judged else Rules()
        known = Verdicts(known=known_verdicts(verdicts)) if verdicts else None
        for file in files:
            read = read_predictions(file, gold, partial=partial, stored_verdicts=stored_verdicts)
            scores.append(Score.of(read, parser, closest=not exact_names, rules=rules, verdicts=known))
    if items is not None:
        write_result(json.dumps(scores[0].items()), items)
    gain = difference(*scores, seed=seed) if len(scores) == 2 else None
    if format is Format.json:
        found = scores[0].to_json(seed)
        if gain:
            found = {"scores": [one.to_json(seed) for one in scores], "difference": gain.to_json()}
        echo(json.dumps(found, indent=2))
        return
    parts = [told(one, seed=seed) for one in scores]
    if gain:
        parts.append(compared(gain))
    echo("\n\n".join(parts))


def _is_questions(gold: Path) -> bool:
    from ste_graph.scoring.bfcl import is_questions

    return is_questions(gold)


def _reproduce(checkout: Path, seed: int, format: Format) -> None:
    from ste_graph.cli.paper import tables
    from ste_graph.scoring.reproduction import reproduced

    found = reproduced(checkout, seed=seed)
    echo(json.dumps(found.to_json(), indent=2) if format is Format.json else tables(found))
