"""The requests that a run of `distil.yaml` holds out: who is tested on them must not be shown them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ste_graph.distil.clusters import separation_keys
from ste_graph.distil.normalisation import words
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.training.rows.examples import read_examples


def find_held_out(run: Path, exemplars: Iterable[Exemplar]) -> frozenset[str]:
    """The ids of the exemplars that say something about what the run holds out.

    That is: the very trial; the same request, even for another tool; or, of the same tool, a call with the same
    arguments (or, if the run keeps its sides apart by value, any value in common), whether or not it worked.

    Raises `WorkflowError` if the run has no examples.
    """
    examples = read_examples(run)
    held_out = [example for example in examples if example.split == "heldout"]
    trials = {(example.run_id, example.trial_id) for example in held_out}
    asked = {words(example.query) for example in held_out}
    parameters = {example.definition.name: example.definition.parameters for example in held_out}
    called = {
        (example.definition.name, key)
        for example in held_out
        for key in separation_keys(example.arguments, parameters[example.definition.name], examples.apart)
    }

    def reveals(exemplar: Exemplar) -> bool:
        if (exemplar.run, exemplar.trial_id) in trials or words(exemplar.query) in asked:
            return True
        return any(
            (step.action, key) in called
            for step in exemplar.calls
            if step.action in parameters
            for key in separation_keys(step.arguments or {}, parameters[step.action], examples.apart)
        )

    return frozenset(exemplar.id for exemplar in exemplars if reveals(exemplar))
