"""The gate before what a run has learnt: only what an evaluation has adopted is lent."""

from __future__ import annotations

from pathlib import Path

from ste_graph.errors import WorkflowError
from ste_graph.finished import is_run, open_run
from ste_graph.memory.exemplars.folder import StoreFolder
from ste_graph.memory.exemplars.log import ExemplarLog
from ste_graph.scoring.adoption import require_learnt
from ste_graph.scoring.subject import OfBoth, OfExemplars, OfLessons


def refuse_unless_adopted(
    source: str, only_if: str, *, exemplars: bool = True, lessons: bool = False
) -> OfExemplars | OfLessons | OfBoth:
    """Raise `WorkflowError` unless the evaluation `only_if` adopted what is to be lent of a run, or of a whole store.

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
    wanted = [kind for kind, is_wanted in (("exemplars", exemplars), ("lessons", lessons)) if is_wanted]
    return require_learnt(f"the {' and '.join(wanted)} of {source} ({named})", ids, wanted, only_if)


def lessons_adopted(source: str, only_if: str) -> bool:
    """Whether the evaluation adopted the lessons of a source together with its exemplars."""
    try:
        refuse_unless_adopted(source, only_if, lessons=True)
    except WorkflowError:
        return False
    return True
