"""The gate before exemplars: only those that an evaluation has adopted."""

from __future__ import annotations

from pathlib import Path

from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.scoring.adoption import require_runs
from ste_graph.scoring.subject import Subject

from .exemplar_log import ExemplarLog
from .harvest import is_run
from .store_folder import StoreFolder


def refuse_unless_adopted(source: str, only_if: str) -> Subject:
    """Raise `WorkflowError` unless the evaluation `only_if` adopted the exemplars of a run, or all those of a store.

    Gives what was adopted. A server is refused: it does not say which runs its exemplars come from.
    """
    if source.startswith(("http://", "https://")):
        raise WorkflowError(
            f"{source}: which runs the exemplars on a server come from cannot be told before it is asked; "
            "with `only_if`, name a run or a store's folder"
        )
    path = Path(source)
    folder = StoreFolder.of(path)
    if not (folder.exists or is_run(path)):
        raise WorkflowError(folder.missing(path))
    own = [open_run(path).id] if is_run(path) else []
    stored = dict.fromkeys(one.run or "(none)" for one in ExemplarLog(folder.log).exemplars())
    ids = list(dict.fromkeys([*own, *stored]))
    named = f"{'run' if len(ids) == 1 else 'runs'} {', '.join(id[:12] for id in ids) or '(none)'}"
    return require_runs(f"the exemplars of {source} ({named})", ids, only_if)
