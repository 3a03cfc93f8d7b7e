"""`ste show --methods`: how a run was made, or a workflow is to be run, in words and tables for a paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ste_graph.command_line import echo, load_experiment
from ste_graph.errors import WorkflowError
from ste_graph.experiment import Experiment
from ste_graph.lab.methods.document import write_methods
from ste_graph.lab.methods.facts import facts_from_file, facts_from_run
from ste_graph.lab.methods.markup import to_latex, to_markdown
from ste_graph.lab.methods.settings import list_settings
from ste_graph.language.loading import parse_change


def show_methods(
    path: Path, variant: str | None, changes: Sequence[str] | None, form: Literal["text", "json", "latex"]
) -> None:
    """Print the methods of the run in a folder, or of a workflow file and its variants. Raises `WorkflowError`."""
    if path.is_dir():
        if variant is not None or changes:
            raise WorkflowError(
                f"{path}: is the folder of a run, whose settings are what they were; leave out --variant and --set"
            )
        subject = facts_from_run(path)
    elif variant is not None:
        subject = facts_from_file([load_experiment(path, variant, changes)])
    else:
        subject = facts_from_file(Experiment.load_arms(path, set=[parse_change(change) for change in changes or ()]))
    document = write_methods(subject)
    if form == "json":
        settings = {arm.name: dict(list_settings(arm)) for arm in subject.arms}
        data = {"name": subject.name, "file": subject.file, "run_at": subject.run_at}
        echo(json.dumps({**data, "versions": dict(subject.versions), "arms": settings}, indent=2))
    else:
        echo(to_latex(document) if form == "latex" else to_markdown(document))
