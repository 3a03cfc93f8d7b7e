"""Files of replies to a test, one per arm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.protocols.form import Form
from ste_graph.scoring.arms import check_same_cases
from ste_graph.scoring.bfcl.labels import label_results
from ste_graph.scoring.bfcl.questions import is_question_file, read_bfcl_results, read_questions
from ste_graph.scoring.predictions import read_predictions
from ste_graph.scoring.reply import ArmReply
from ste_graph.settings import RelativePath


class PredictionFiles(Frozen):
    """Replies in the paper's form, `{TOOL: [{query, action_input, model_output}, …]}`, or to questions of BFCL.

    `arms` names the file of each arm. Without `gold` the test is looked for as `ste score` does; if it holds questions
    of BFCL, `answers` may name theirs. `partial` leaves out tools that a file does not hold, and cases that not all
    arms have. With `stored_verdicts`, if only a judge can tell, the label next to the reply counts. `protocol` is the
    form in which calls were asked for.
    """

    arms: Annotated[dict[str, RelativePath], Field(min_length=1)]
    """The file of each arm, by the arm's name."""
    baseline: str | None = None
    """The arm with which the others are compared; unset: `before` if there is one, else `baseline`."""
    candidate: str | None = None
    """The arm that may be adopted; unset: the one that gains most."""
    gold: RelativePath | None = None
    """The test: the requests with their right calls. Unset: looked for as `ste score` does."""
    answers: RelativePath | None = None
    """The right answers, where `gold` holds questions of BFCL."""
    partial: bool = False
    """True: cases that not all arms have are left out, instead of refused."""
    stored_verdicts: bool = False
    """True: verdicts that the files hold already are taken over."""
    protocol: Form = "react"
    """The form in which calls were asked for."""

    def items(self) -> list[Json]:
        """The replies, the baseline's first. Raises `WorkflowError` if a file has another shape."""
        replies = [reply for arm, file in self.arms.items() for reply in self._read(arm, Path(file))]
        where = ", ".join(self.arms.values())
        comparable = check_same_cases(replies, self.baseline, self.candidate, partial=self.partial, where=where)
        return [reply.model_dump(mode="json") for reply in comparable]

    def _read(self, arm: str, file: Path) -> list[ArmReply]:
        gold = Path(self.gold) if self.gold else None
        if gold is not None and is_question_file(gold):
            questions = read_questions(gold, Path(self.answers) if self.answers else None)
            return label_results(questions, read_bfcl_results(questions, file), arm=arm)
        found = read_predictions(
            file, gold, partial=self.partial, stored_verdicts=self.stored_verdicts, form=self.protocol, arm=arm
        )
        return [reply for own in found.by_tool.values() for reply in own]
