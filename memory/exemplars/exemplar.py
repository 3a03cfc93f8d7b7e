"""An exemplar: a request, the calls that served it, and where both come from."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from ste_graph.contracts import VERIFIED, Frozen, Gate, Json
from ste_graph.distil.answers import supported_answer
from ste_graph.distil.example import Definition, Example
from ste_graph.distil.gates import ground_trial
from ste_graph.files.jsonl import LineFile
from ste_graph.ids import derive_id
from ste_graph.records import StepObservation, Trial, TrialStep

if TYPE_CHECKING:
    from ste_graph.finished import FinishedRun

_log = logging.getLogger("ste_graph.memory")

_FORMAT, _EXECUTION, _GROUNDING = VERIFIED

_NOT_VALID = frozenset({"malformed", "invalid_arguments", "unknown_tool"})


class Exemplar(Frozen):
    """A request and what was done for it, as others may be shown it.

    `verified` names the gates passed: `format`, the last call's arguments fit the tool's schema; `execution`, the last
    call succeeded; `grounding`, it does what the request says. `stale` is true if the tool's definition has changed
    since.
    """

    id: str
    query: str
    tool: str
    fingerprint: str | None = None
    calls: list[TrialStep]
    serving: tuple[int, ...] = ()
    """The calls that together do what the request says, by their index; empty: not known."""
    answer: str | None = None
    solved: bool | None = None
    verified: tuple[Gate, ...] = ()
    stale: bool = False
    run: str | None = None
    """The id of the run in which it was made."""
    trial_id: str | None = None
    """The trial's id in the run's journal."""
    episode: int | None = None
    trial: int | None = None
    model: str | None = None
    lessons: tuple[str, ...] = ()
    """The lessons that the trial was shown, by id."""
    ended: str | None = None
    """When the trial ended, ISO 8601, UTC."""

    @classmethod
    def from_run(cls, run: FinishedRun, *, reworded: bool = False) -> list[Self]:
        """Every trial of a run in which a call was made, as an exemplar with the gates that it passed.

        Of a run of `distil.yaml`, the examples for training that are a call; never those that are held out, and only
        with `reworded` those that say the request of another one in other words.

        A damaged line of the journal is left out, and named in a warning.
        """
        journal, lock, run_id = run.folder.journal, run.lock, run.id
        found: list[Self] = []
        for number, line in LineFile(journal).numbered_lines():
            if line is None:
                _log.warning("%s:%d: this line is damaged and left out; the rest is used", journal, number)
                continue
            exemplar, record = None, line.get("record")
            try:
                if record == "trial":
                    exemplar = cls._from_trial(line, lock, run_id)
                elif record == "example":
                    exemplar = cls._from_example(line, run_id, reworded=reworded)
            except (ValidationError, KeyError) as error:
                problem = first_problem(error) if isinstance(error, ValidationError) else f"no {error}"
                _log.warning("%s:%d: this %s is left out (%s); the rest is used", journal, number, record, problem)
            if exemplar is not None:
                found.append(exemplar)
        return found

    @classmethod
    def _from_trial(cls, line: Mapping[str, Json], lock: Mapping[str, Json], run_id: str) -> Self | None:
        """The exemplar of a line of the journal; None if no call was made for a request.

        The run's `lock` has the tool of the last call as the run knew it; without a schema if it was none of the run's.
        """
        trial = Trial.from_line(line)
        last = next((step.action for step in reversed(trial.steps) if step.action), None)
        if not trial.query.strip() or last is None:
            return None
        schema, description = lock.get("schemas", {}).get(last), lock.get("descriptions", {}).get(last)
        definition = Definition(name=last, description=description or "", parameters=schema or {})
        gates, serving = cls.check_calls(trial.query, trial.steps, definition)
        tool = line.get("tool")
        observed = [step.model_dump(include={"arguments", "observation"}) for step in trial.steps]
        return cls(
            id=derive_id(run_id, line["id"]),
            query=trial.query,
            tool=tool if tool and isinstance(tool, str) else last,
            fingerprint=trial.fingerprint,
            calls=trial.steps,
            serving=serving,
            answer=supported_answer(trial.answer, trial.query, observed),
            solved=trial.solved,
            verified=gates,
            run=run_id,
            trial_id=line["id"],
            episode=_counter(line.get("episode")),
            trial=_counter(line.get("trial")),
            model=trial.model,
            lessons=tuple(trial.lessons or ()),
            ended=line.get("ended"),
        )

    @classmethod
    def _from_example(cls, line: Mapping[str, Json], run_id: str, *, reworded: bool) -> Self | None:
        """The exemplar of an example of `distil.yaml`; None if it is not wanted or shows no call."""
        example = Example.from_line(line)
        if example.paraphrase_of is not None and not reworded:
            return None
        if example.split != "train" or example.kind != "call" or not any(step.action for step in example.steps):
            return None
        gates, _ = cls.check_calls(example.query, example.steps, example.definition)
        return cls(
            id=derive_id(run_id, line["id"]),
            query=example.query,
            tool=example.definition.name,
            fingerprint=example.fingerprint,
            calls=example.steps,
            answer=example.answer,
            verified=tuple(dict.fromkeys([*gates, *example.gates])),
            run=run_id,
            trial_id=example.trial_id,
            model=example.model,
            ended=line.get("ended"),
        )

    @staticmethod
    def check_calls(
        query: str, steps: Sequence[TrialStep], definition: Definition
    ) -> tuple[tuple[Gate, ...], tuple[int, ...]]:
        """The gates that the calls made for a request have passed, and if they are all, which of the calls serve it.

        `definition` is that of the tool of the last call.
        """
        last = steps[-1].observation if steps else None
        if last is None or steps[-1].action is None:
            return (), ()
        passed = () if last.kind in _NOT_VALID else (_FORMAT,)
        if not steps[-1].succeeded:
            return passed, ()
        plain = [step.model_dump(mode="json") for step in steps]
        plain[-1]["arguments"] = plain[-1]["arguments"] or {}
        grounding = ground_trial(query, plain, definition.parameters, description=definition.description)
        if not grounding.is_whole:
            return (*passed, _EXECUTION), ()
        return (*passed, _EXECUTION, _GROUNDING), grounding.serving

    @property
    def action(self) -> str | None:
        """The tool of the last call."""
        return self.calls[-1].action if self.calls else None

    @property
    def arguments(self) -> dict[str, Json]:
        """The arguments of the last call."""
        return (self.calls[-1].arguments or {}) if self.calls else {}

    @property
    def observation(self) -> StepObservation | None:
        """The result of the last call."""
        return self.calls[-1].observation if self.calls else None

    @property
    def shown_calls(self) -> list[TrialStep]:
        """The calls that lead from the request to the answer: those that serve it.

        Where these are not known, those that succeeded; without any, the last one. One that repaired a failed call is
        without its thought, which speaks of what is not shown.
        """
        repairs = {id(after) for before, after in pairwise(self.calls) if not before.succeeded}
        return [
            step.model_copy(update={"thought": None}) if id(step) in repairs else step for step in self._leading_calls
        ]

    @property
    def tools(self) -> frozenset[str]:
        """Every tool that it shows."""
        return frozenset({self.tool, *(step.action for step in self._leading_calls if step.action)})

    @property
    def is_verified(self) -> bool:
        """True if it passed the gates of `VERIFIED` and its tool is as it was."""
        return {*VERIFIED} <= {*self.verified} and not self.stale

    @property
    def digest(self) -> str:
        """A hash of its whole content."""
        return hashlib.sha256(json_line(self)).hexdigest()[:32]

    def mentions(self, tool: str) -> bool:
        """True if it is of the tool, or has a call of it, shown or not."""
        return self.tool == tool or any(step.action == tool for step in self.calls)

    @property
    def _leading_calls(self) -> list[TrialStep]:
        """The shown calls with all their thoughts."""
        if self.serving:
            return [self.calls[index] for index in self.serving if index < len(self.calls)]
        calls = [step for step in self.calls if step.action is not None]
        return [step for step in calls if step.succeeded] or calls[-1:]


def json_text(exemplar: Exemplar) -> str:
    """The exemplar as JSON on one line, the same for equal exemplars."""
    return json.dumps(exemplar.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))


def json_line(exemplar: Exemplar) -> bytes:
    """The exemplar as a line of a file, without its newline."""
    return json_text(exemplar).encode("utf-8", "surrogatepass")


def make_storable(exemplar: Exemplar) -> Exemplar:
    """The exemplar with `?` for each half of a character, which no index or prompt can hold."""
    line = json_text(exemplar)
    if line.isascii() or line.encode("utf-8", "replace").decode() == line:
        return exemplar
    return Exemplar.model_validate_json(line.encode("utf-8", "replace"))


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, in a few words."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _counter(value: Json) -> int | None:
    return value if isinstance(value, int) else None
