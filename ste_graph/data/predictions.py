"""Files of replies to a test, one per arm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.settings import RelativePath

if TYPE_CHECKING:
    from ste_graph.scoring.arms import Attempt


class PredictionFiles(Frozen):
    """Replies in the paper's form, `{TOOL: [{query, action_input, model_output}, …]}`, or to questions of BFCL.

    `arms` names the file of each arm. Without `gold` the test is looked for as `ste score` does; where it holds
    questions of BFCL, `answers` may name theirs. `partial` leaves out tools that a file does not hold, and cases that
    not all arms have. With `stored_verdicts`, where only a judge can tell, the label beside the reply counts.
    """

    arms: Annotated[dict[str, RelativePath], Field(min_length=1)]
    baseline: str | None = None
    candidate: str | None = None
    gold: RelativePath | None = None
    answers: RelativePath | None = None
    partial: bool = False
    stored_verdicts: bool = False

    def items(self) -> list[Json]:
        """The replies, the baseline's first. Raises `WorkflowError` where a file is not what it should be."""
        from ste_graph.scoring.arms import contested

        attempts = [one for arm, file in self.arms.items() for one in self._attempts(arm, Path(file))]
        where = ", ".join(self.arms.values())
        kept = contested(attempts, self.baseline, self.candidate, partial=self.partial, where=where)
        return [one.model_dump(mode="json") for one in kept]

    def _attempts(self, arm: str, file: Path) -> list[Attempt]:
        from ste_graph.scoring.arms import Attempt
        from ste_graph.scoring.bfcl import is_questions, label_of, read_questions, results_of
        from ste_graph.scoring.predictions import read_predictions
        from ste_graph.scoring.replied import GoldCall

        gold = Path(self.gold) if self.gold else None
        if gold is not None and is_questions(gold):
            questions = read_questions(gold, Path(self.answers) if self.answers else None)
            results = results_of(questions, file)
            return [
                Attempt(
                    arm=arm,
                    query=f"{question.id}: {question.query}",  # no two need be worded differently
                    gold=GoldCall(tool=question.case.tool, arguments=dict(question.case.arguments)),
                    output=json.dumps(results[question.id]) if question.id in results else None,
                    fixed=label_of(question, results.get(question.id)).own(),
                )
                for question in questions
            ]
        read = read_predictions(file, gold, partial=self.partial, stored_verdicts=self.stored_verdicts)
        return [
            Attempt(
                arm=arm,
                query=one.case.query,
                gold=GoldCall(tool=tool, arguments=dict(one.case.arguments)),
                output=one.output,
                problem=one.problem,
                verdict=one.verdict,
            )
            for tool, own in read.by_tool.items()
            for one in own
        ]
