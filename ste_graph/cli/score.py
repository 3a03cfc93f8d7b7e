"""`ste score`: what a file of replies to a test is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ste_graph.command_line import Format, OutputFormat, echo, write_result
from ste_graph.errors import WorkflowError
from ste_graph.protocols.form import Form, Parser

if TYPE_CHECKING:
    from ste_graph.scoring.rules import LabelRules
    from ste_graph.scoring.score_sheet import ScoreSheet


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
        Parser, typer.Option("--parser", help="The parser of the replies: the released code's, or ours.")
    ] = Parser.tolerant,
    protocol: Annotated[
        Form, typer.Option("--protocol", help="The form in which calls were asked for; it is read first.")
    ] = "react",
    gold: Annotated[
        Path | None,
        typer.Option(
            "--gold",
            metavar="FILE",
            help="The test; else a tool_test.json near the replies or below STE_DATA, else the gold calls in the file.",
            show_default=False,
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers", metavar="FILE", help="The answers, if --gold names questions of BFCL.", show_default=False
        ),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option("--items", metavar="FILE", help="Write the labels of every reply there.", show_default=False),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out the tools of the test that a file does not have.")
    ] = False,
    exact_names: Annotated[
        bool, typer.Option("--exact-names", help="Count a name that no tool has as wrong, not as the closest one.")
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
        bool, typer.Option("--stored-verdicts", help="If only a judge can tell, use the label next to the reply.")
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
    seed: Annotated[int, typer.Option("--seed", min=0, help="The seed of the intervals' resampling.")] = 0,
    format: OutputFormat = Format.text,
) -> None:
    """Score replies to a test: well-formed, right tool, right call, with 95 % intervals over tools."""
    from ste_graph.scoring.rules import LabelRules

    files = predictions or []
    if paper is not None:
        if files or items:
            raise WorkflowError("ste score: --paper reads its files from the checkout; give neither others nor --items")
        _reproduce(paper, seed, format)
        return
    if len(files) not in (1, 2):
        raise WorkflowError(f"ste score: give one file of predictions, or two to compare; got {len(files)}")
    if items is not None and len(files) == 2:
        raise WorkflowError("ste score: --items goes with one file of predictions")
    if gold is not None and _is_question_file(gold):
        sheets = _score_questions(files, gold, answers)
    elif answers is not None:
        raise WorkflowError("ste score: --answers goes with a --gold that holds questions of BFCL, one a line")
    else:
        rules = LabelRules(parser=parser, exact_names=exact_names, judged=tuple(judged) if judged else None)
        sheets = _score_replies(
            files, gold, rules, verdicts, partial=partial, stored_verdicts=stored_verdicts, form=protocol
        )
    if items is not None:
        write_result(json.dumps(sheets[0].items()), items)
    _print_scores(sheets, seed, format)


def _is_question_file(gold: Path) -> bool:
    from ste_graph.scoring.bfcl.questions import is_question_file

    return is_question_file(gold)


def _score_questions(files: Sequence[Path], questions: Path, answers: Path | None) -> list[ScoreSheet]:
    """The score sheets of results for questions of BFCL."""
    from ste_graph.scoring.bfcl.labels import score_results
    from ste_graph.scoring.bfcl.questions import read_questions

    asked = read_questions(questions, answers)
    return [score_results(asked, file, gold=str(questions)) for file in files]


def _score_replies(
    files: Sequence[Path],
    gold: Path | None,
    rules: LabelRules,
    verdicts: Path | None,
    *,
    partial: bool,
    stored_verdicts: bool,
    form: Form,
) -> list[ScoreSheet]:
    """The score sheets of replies to a test in the paper's form."""
    from ste_graph.scoring.predictions import read_predictions
    from ste_graph.scoring.score_sheet import score_predictions
    from ste_graph.scoring.verdict import read_verdicts

    known = read_verdicts(verdicts) if verdicts else None
    read = (read_predictions(file, gold, partial=partial, stored_verdicts=stored_verdicts, form=form) for file in files)
    sheets = [score_predictions(replies, rules, known) for replies in read]
    shared = set.intersection(*({*sheet.by_tool} for sheet in sheets))
    return [sheet.select(shared) for sheet in sheets] if partial else sheets


def _print_scores(sheets: Sequence[ScoreSheet], seed: int, format: Format) -> None:
    """Print one sheet, or two with the gain of the second."""
    from ste_graph.cli.text.scores import difference_text, score_text
    from ste_graph.scoring.arms import check_same_gold
    from ste_graph.scoring.difference import difference

    if len(sheets) == 2:
        check_same_gold(sheets)
    gain = difference(*sheets, seed=seed) if len(sheets) == 2 else None
    if format is Format.json:
        found = sheets[0].to_json(seed)
        if gain:
            found = {"scores": [sheet.to_json(seed) for sheet in sheets], "difference": gain.to_json()}
        echo(json.dumps(found, indent=2))
        return
    parts = [score_text(sheet, seed=seed) for sheet in sheets]
    if gain:
        parts.append(difference_text(gain))
    echo("\n\n".join(parts))


def _reproduce(checkout: Path, seed: int, format: Format) -> None:
    from ste_graph.cli.text.paper import paper_page
    from ste_graph.scoring.paper.reproduction import reproduce

    found = reproduce(checkout, seed=seed)
    echo(json.dumps(found.to_json(), indent=2) if format is Format.json else paper_page(found))
