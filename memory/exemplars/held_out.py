"""What a run of `distil.yaml` holds out: nobody who is tested on it may be shown it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ste_graph.distil.clusters import separation_keys
from ste_graph.distil.normalisation import words
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.training.rows.examples import read_examples


def held_out(run: Path, exemplars: Iterable[Exemplar]) -> frozenset[str]:
    """The ids of the exemplars that say something of what the run holds out.

    That is: the very trial; the same request, be it for another tool; or, of the same tool, a call with the same
    arguments (or, where the run keeps its sides apart by value, any value in common), whether or not it worked.

    Raises `WorkflowError` where the run has no examples.
    """
    examples = read_examples(run)
    heldout = [one for one in examples if one.split == "heldout"]
    trials = {(one.run_id, one.trial_id) for one in heldout}
    asked = {words(one.query) for one in heldout}
    parameters = {one.definition.name: one.definition.parameters for one in heldout}
    called = {
        (name, key)
        for one in heldout
        for name in (one.definition.name,)
        for key in separation_keys(one.arguments, parameters[name], examples.apart)
    }

    def says(exemplar: Exemplar) -> bool:
        if (exemplar.run, exemplar.trial_id) in trials or words(exemplar.query) in asked:
            return True
        return any(
            (step.action, key) in called
            for step in exemplar.calls
            if step.action in parameters
            for key in separation_keys(step.arguments or {}, parameters[step.action], examples.apart)
        )

    return frozenset(exemplar.id for exemplar in exemplars if says(exemplar))
