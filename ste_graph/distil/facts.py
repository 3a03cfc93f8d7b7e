"""The facts that the record of a trial shows, to be put next to the model's verdict that it was solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.contracts import Frozen, Json
from ste_graph.contracts.failure import has_succeeded
from ste_graph.distil.gates import ground_trial
from ste_graph.trials.success import successful_calls


class TrialFacts(Frozen):
    """The facts of one trial."""

    solved: bool | None
    """The verdict of the model."""
    call_succeeded: bool
    """True if a call gave a result that does not say itself that it failed."""
    last_call_succeeded: bool
    grounded: bool
    """True if the last call succeeded and is grounded: its values come from the request, and nothing is left out."""

    @property
    def text(self) -> str:
        """The facts for a person."""
        if not self.call_succeeded:
            return "no call succeeded"
        if not self.last_call_succeeded:
            return "a call succeeded, the last one did not"
        return f"the last call succeeded, {'grounded' if self.grounded else 'not grounded'}"

    @property
    def contradicts(self) -> bool:
        """True if the model takes the request for solved, and the facts speak against it."""
        return self.solved is True and not self.grounded


@dataclass(slots=True)
class FactCounts:
    """The number of trials of a run that each fact is true of, and how many of them the model takes for solved."""

    trials: int = 0
    solved: int = 0
    unclear: int = 0
    call_succeeded: int = 0
    last_call_succeeded: int = 0
    grounded: int = 0
    solved_without_call: int = 0
    """The number of trials that are solved by the model's word alone: no call of theirs succeeded."""
    solved_not_grounded: int = 0

    def add(self, facts: TrialFacts) -> None:
        """Count one more trial."""
        self.trials += 1
        self.solved += facts.solved is True
        self.unclear += facts.solved is None
        self.call_succeeded += facts.call_succeeded
        self.last_call_succeeded += facts.last_call_succeeded
        self.grounded += facts.grounded
        self.solved_without_call += facts.solved is True and not facts.call_succeeded
        self.solved_not_grounded += facts.contradicts

    @property
    def text(self) -> str:
        """The counts for a person."""
        return (
            f"{self.call_succeeded:,} with a call that succeeded, {self.last_call_succeeded:,} with the last; "
            f"{self.grounded:,} grounded"
        )

    @property
    def warning(self) -> str | None:
        """The warning to a person if the verdicts and the facts differ, or None if they agree."""
        if self.solved_without_call:
            proven = self.solved - self.solved_without_call
            return f"{self.solved:,} solved by the model's word; {proven:,} of them with a call that succeeded"
        if self.solved_not_grounded:
            return f"{self.solved:,} solved by the model's word; {self.solved_not_grounded:,} of them not grounded"
        return None

    def to_json(self) -> dict[str, Json]:
        """The counts for other programs."""
        return {
            "call_succeeded": self.call_succeeded,
            "last_call_succeeded": self.last_call_succeeded,
            "grounded": self.grounded,
            "solved_without_call": self.solved_without_call,
            "solved_not_grounded": self.solved_not_grounded,
        }


def read_trial_facts(trial: Mapping[str, Json], parameters: Mapping[str, Json], description: str = "") -> TrialFacts:
    """The facts of a trial, a line of the journal; `parameters` and `description` are those of its tool."""
    steps = trial.get("steps") or []
    last = next((step for step in reversed(steps) if step["action"]), None)
    last_succeeded = last is not None and has_succeeded(last["observation"])
    grounded = False
    if last is not None and last_succeeded and steps[-1] is last and last["arguments"] is not None:
        grounded = ground_trial(str(trial.get("query") or ""), steps, parameters, description=description).is_whole
    return TrialFacts(
        solved=trial.get("solved"),
        call_succeeded=bool(successful_calls(steps)),
        last_call_succeeded=last_succeeded,
        grounded=grounded,
    )


def read_run_facts(trial: Mapping[str, Json], lock: Mapping[str, Json]) -> TrialFacts:
    """The facts of a trial of a run, whose `lock` has the tools as they were."""
    last = next((str(step["action"]) for step in reversed(trial.get("steps") or []) if step["action"]), "")
    schema, description = lock.get("schemas", {}).get(last, {}), lock.get("descriptions", {}).get(last, "")
    return read_trial_facts(trial, schema, description)
