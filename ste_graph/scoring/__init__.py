"""Whether a reply makes the right call, and what that says of a model."""

from __future__ import annotations

from ste_graph.scoring.case import Case, Predicted
from ste_graph.scoring.comparison import Rules, canonical, equal, same_text
from ste_graph.scoring.difference import Difference, difference
from ste_graph.scoring.judging import Judge, Question, Verdicts, judged
from ste_graph.scoring.label import Label, label
from ste_graph.scoring.parser import Parser
from ste_graph.scoring.predictions import Predictions, read_predictions
from ste_graph.scoring.reading import Reading, read
from ste_graph.scoring.score import Score, Share

__all__ = [
    "Case",
    "Difference",
    "Judge",
    "Label",
    "Parser",
    "Predicted",
    "Predictions",
    "Question",
    "Reading",
    "Rules",
    "Score",
    "Share",
    "Verdicts",
    "canonical",
    "difference",
    "equal",
    "judged",
    "label",
    "read",
    "read_predictions",
    "same_text",
]
