"""The requests that a run of `distil.yaml` holds out: who is tested on them must not be shown them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.training.rows.held_out import HeldOut


def find_held_out(run: Path, exemplars: Iterable[Exemplar]) -> frozenset[str]:
    """The ids of the exemplars that say something about what the run holds out, see `HeldOut.is_revealed_by`.

    Raises `WorkflowError` if the run has no examples.
    """
    held_out = HeldOut.read(run)

    def reveals(exemplar: Exemplar) -> bool:
        calls = [(step.action, step.arguments) for step in exemplar.calls]
        return held_out.is_revealed_by(exemplar.run, exemplar.trial_id, exemplar.query, calls)

    return frozenset(exemplar.id for exemplar in exemplars if reveals(exemplar))
