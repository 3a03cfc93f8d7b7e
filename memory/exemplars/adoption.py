"""The check that an evaluation adopted what a run has learnt, before it is shown to anybody."""

from __future__ import annotations

from ste_graph.errors import WorkflowError
from ste_graph.finished import is_run, open_run
from ste_graph.memory.exemplars.backends.log import ExemplarLog
from ste_graph.memory.exemplars.source import is_address, locate_store, store_folder
from ste_graph.packs.manifest import is_pack
from ste_graph.scoring.adoption import require_learnt
from ste_graph.scoring.subject import Form


def require_adopted(
    source: str, only_if: str, *, exemplars: bool = True, lessons: bool = False
) -> frozenset[str] | None:
    """Returns the tools for which the evaluation `only_if` adopted what is wanted of a run or a store.

    None means all tools. Raises `WorkflowError` if it was not adopted. A server is refused: it does not say which
    runs its exemplars come from.
    """
    if is_address(source):
        raise WorkflowError(
            f"{source}: which runs the exemplars on a server come from is not known before it is asked; "
            "with `only_if`, name a run or a store's folder"
        )
    path = locate_store(source)
    if is_pack(path):
        raise WorkflowError(f"{source}: a pack carries its own decision; leave `only_if` out")
    own = [open_run(path).id] if is_run(path) else []
    stored = dict.fromkeys(exemplar.run or "(none)" for exemplar in ExemplarLog(store_folder(path).log).exemplars())
    ids = list(dict.fromkeys([*own, *stored]))
    named = f"{'run' if len(ids) == 1 else 'runs'} {', '.join(id[:12] for id in ids) or '(none)'}"
    choices: list[tuple[Form, bool]] = [("exemplars", exemplars), ("lessons", lessons)]
    wanted = [form for form, is_wanted in choices if is_wanted]
    return require_learnt(f"the {' and '.join(wanted)} of {source} ({named})", ids, wanted, only_if)


def are_lessons_adopted(source: str, only_if: str) -> bool:
    """True if the evaluation adopted the lessons of a source together with its exemplars."""
    try:
        require_adopted(source, only_if, lessons=True)
    except WorkflowError:
        return False
    return True


def find_adopted_tools(source: str, only_if: str) -> frozenset[str] | None:
    """The tools for which the evaluation adopted the exemplars of a source, or else its lessons; None for all."""
    try:
        return require_adopted(source, only_if)
    except WorkflowError:
        return require_adopted(source, only_if, exemplars=False, lessons=True)
