"""The search for better descriptions by GEPA, https://github.com/gepa-ai/gepa (MIT): reflection and a Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ste_graph.forms.description import ToolWording
from ste_graph.forms.search import BEFORE, CaseResult, Ledger, SearchCase, case_key

if TYPE_CHECKING:
    from gepa.core.adapter import EvaluationBatch
    from gepa.core.state import GEPAState

NEEDS_GEPA = "`search: gepa` needs a package: pip install 'ste-graph[gepa]'"

ITERATIONS = 60
"""GEPA ends after so many iterations: one that only looks at known replies costs no call, and would never end."""

_TOOL = "description"
_PARAMETER = "parameters."


def find_missing_package() -> str | None:
    """The sentence that says what to install; None if GEPA is there."""
    return None if find_spec("gepa") else NEEDS_GEPA


def search_with_gepa(ledger: Ledger, *, seed: int, batch: int) -> None:
    """Search as GEPA does; what it found is in the ledger.

    A candidate is the descriptions of the tool and of its parameters. GEPA takes one from the Pareto front, and looks
    at its replies to `batch` requests of trials; where one is wrong, a better candidate is proposed from them, and
    tested on the same requests. If more are right, it is tested on those that were set aside. The end is when
    one serves them all rightly. The same seed and the same ledger give the same search.

    Raises:
        MissingTestError: a test has to be made.
        MissingProposalError: a proposal has to be made.
    """
    from gepa.api import optimize

    if not ledger.validation or not ledger.training:
        return
    adapter: Any = _Adapter(ledger)
    optimize(
        seed_candidate=adapter.candidate(ledger.wordings[BEFORE]),
        trainset=list(ledger.training),
        valset=list(ledger.validation),
        adapter=adapter,
        module_selector="all",  # the prompt asks for all descriptions of a tool at once
        reflection_minibatch_size=min(batch, len(ledger.training)),
        stop_callbacks=_should_stop,
        logger=_Silence(),
        seed=seed,
    )


class _Adapter:
    """The interface that GEPA asks for, over a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parameters = sorted({name for wording in ledger.wordings.values() for name in wording.parameters})
        self._arms: dict[tuple[tuple[str, str], ...], str] = {}
        for arm, wording in ledger.wordings.items():
            self._arms.setdefault(_content(self.candidate(wording)), arm)

    def candidate(self, wording: ToolWording) -> dict[str, str]:
        """A wording by GEPA's names of its components; every candidate has the same ones."""
        texts = {f"{_PARAMETER}{name}": wording.parameters.get(name, "") for name in self._parameters}
        return {_TOOL: wording.description, **texts}

    def evaluate(
        self, batch: list[SearchCase], candidate: dict[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[Any, Any]:
        from gepa.core.adapter import EvaluationBatch

        results = self._ledger.test(self._arms[_content(candidate)], batch)
        return EvaluationBatch(
            outputs=[result.called for result in results],
            scores=[float(result.is_right) for result in results],
            trajectories=[*zip(batch, results, strict=True)] if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: EvaluationBatch[Any, Any], components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        seen: list[tuple[SearchCase, CaseResult]] = eval_batch.trajectories or []
        records = [{"case": case, "Generated Outputs": result.called} for case, result in seen]
        return dict.fromkeys(components_to_update, records)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        cases = {case_key(record["case"]): record["case"] for record in next(iter(reflective_dataset.values()))}
        arm = self._ledger.propose(self._arms[_content(candidate)], [*cases.values()])
        if arm is None:
            return {}  # GEPA goes on to its next iteration
        texts = self.candidate(self._ledger.wordings[arm])
        return {name: texts[name] for name in components_to_update}


class _Silence:
    def log(self, message: str) -> None:
        """Discard a message: a run has a log of its own."""


def _content(candidate: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(candidate.items()))


def _should_stop(gepa_state: GEPAState[Any, Any]) -> bool:
    return gepa_state.i >= ITERATIONS or max(gepa_state.program_full_scores_val_set) >= 1
