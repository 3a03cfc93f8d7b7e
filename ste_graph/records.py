"""Records: frozen, unknown keys refused; written to the journal and to memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from ste_graph.contracts import Frozen, Json, ObservationKind
from ste_graph.contracts.failure import has_succeeded


class RecordContext(Frozen):
    """The engine's knowledge of the moment at which a record is made."""

    id: str
    item: Json
    """The item of the top-level `map` (for a tool: its name, description, parameters, effect, fingerprint), or None."""
    models: dict[str, list[str]]
    """The labels of the models of the nodes that each field of `as` reads, in order."""
    started: str
    ended: str
    """The times at which the pass around the `record` began and the record was made, ISO 8601, UTC."""


class Record(BaseModel):
    """One kind of record. Subclasses state the fields that `as` must give; `from_values` may derive further ones.

    The engine adds to every journal line `id`, `record`, the unit's item and the counters of the loops around the
    `record` under their own names, `started` and `ended`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    derived: ClassVar[frozenset[str]] = frozenset()
    """Fields that `from_values` fills in and that `as` may not give."""

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        """Make the record from the values of `as`. Each `{each: [a, b]}` arrives as a list of flat dicts."""
        return cls.model_validate(dict(values))

    @classmethod
    def from_line(cls, line: Mapping[str, Json]) -> Self:
        """The record in a line of a journal or log; a field that an older line lacks has its default.

        Raises `ValidationError`.
        """
        return cls.model_validate({name: line[name] for name in cls.model_fields if name in line})

    @property
    def text(self) -> str:
        """The text that a memory's index embeds. Only a type that states it can be remembered."""
        raise NotImplementedError(f"{type(self).__name__} has no `text`, by which a memory could find it")

    @property
    def summary(self) -> str:
        """One line that replaces, in a transcript without room for them, the messages that led to the record."""
        return self.text if type(self).text is not Record.text else type(self).__name__


class StepObservation(Frozen):
    """The observation of a step in the journal; `text` is what the tool returned, after the size limit.

    `notes` say what was off about the answer, or why it counts as a failure; `doubt` says why it may report one.
    """

    ok: bool
    kind: ObservationKind
    text: str
    notes: tuple[str, ...] = ()
    doubt: str | None = None

    @classmethod
    def of(cls, seen: Mapping[str, Any]) -> Self:
        """The part of an observation that the journal keeps, as plain data."""
        return cls.model_validate({name: seen[name] for name in cls.model_fields if name in seen})


class TrialStep(Frozen):
    """One step of a trial: a reply that was not the final answer, and the observation that followed.

    `action` is None where the reply was malformed, `observation` None where none followed. `repairs` names what had to
    be repaired before the reply could be read, and the arguments that were coerced to the type of their schema.
    `form` is the form in which a call was asked for (`react`, `native`, `json`); `reply` is what the model wrote, where
    it could not be read.
    """

    thought: str | None
    action: str | None
    arguments: dict[str, Json] | None
    observation: StepObservation | None
    repairs: tuple[str, ...] = ()
    form: str | None = None
    reply: str | None = None

    @property
    def succeeded(self) -> bool:
        """True if a call was made and gave a result, and there is no doubt that it is one."""
        seen = self.observation
        return self.action is not None and seen is not None and has_succeeded(seen.model_dump())


class Trial(Record):
    """One request that was tried on a tool (STE, section 3: a trial of an episode)."""

    derived: ClassVar[frozenset[str]] = frozenset({"fingerprint", "ended_by", "model", "call_succeeded"})

    query: str
    steps: list[TrialStep]
    answer: str | None
    solved: bool | None
    """The verdict of the model."""
    call_succeeded: bool = False
    """The fact alongside it: True if a call gave a result, without a doubt."""
    lessons: list[str] | None = []
    """The lessons that the model was shown, by id, see `ste_graph.trials.lessons`. `as` may give null for none."""
    new: bool | None = None
    """True if the request was new in the end; False: it was still too close to an old one when the tries were up."""
    origins: dict[str, str] | None = None
    """The origins of values in the calls, by parameter, as `list_orders: orders[].id`; those made up are left out.

    `as` gives what the model was shown (`values.origins`, see the node `values`), and those that it used are kept.
    """
    fingerprint: str | None = None
    ended_by: Literal["answer", "turns"] = "turns"
    model: str | None = None

    @property
    def text(self) -> str:
        return self.query

    @property
    def summary(self) -> str:
        solved = self.solved and self.call_succeeded
        verdict = "" if self.solved is None else f" | Solved: {'Yes' if solved else 'No'}"
        return f"Query: {' '.join(self.query.split())}{verdict}"

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        item = context.item
        labels = context.models
        steps = read_steps(values.get("steps") or [])
        return cls.model_validate(
            {
                **values,
                "steps": steps,
                "call_succeeded": any(step.succeeded for step in steps),
                "lessons": values.get("lessons") or [],
                "origins": _used_origins(values.get("origins") or {}, values.get("steps") or []),
                "fingerprint": item.get("fingerprint") if isinstance(item, Mapping) else None,
                "ended_by": "turns" if values.get("answer") is None else "answer",
                "model": next(iter([*labels.get("steps", ()), *labels.get("query", ())]), None),
            }
        )


def _used_origins(shown: Mapping[str, Mapping[str, str]], steps: Sequence[Mapping[str, Json]]) -> dict[str, str] | None:
    """The origin of each value that was shown and then used in a call, by parameter; None where none was shown."""
    used = [(name, str(value)) for step in steps for name, value in (step.get("arguments") or {}).items()]
    return {name: shown[name][value] for name, value in used if value in shown.get(name, {})} if shown else None


def read_steps(joined: Sequence[Mapping[str, Any]]) -> list[TrialStep]:
    """Read the steps in `{each: [call, observe]}`: final answers left out, each reply with the observation after it."""
    return [
        TrialStep(
            thought=entry.get("thought"),
            action=entry.get("action"),
            arguments=entry.get("arguments"),
            observation=StepObservation.of(seen) if (seen := entry.get("observation")) else None,
            repairs=list_repairs(entry),
            form=entry.get("form"),
            reply=entry.get("reply"),
        )
        for entry in joined
        if not entry.get("finished")
    ]


def list_repairs(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The repairs of a reply and of the arguments of its call."""
    coerced = (entry.get("observation") or {}).get("coerced") or ()
    return (*(entry.get("repairs") or ()), *(f"coerced {name}" for name in coerced))


def is_current(trial: Mapping[str, Json], tool: Mapping[str, Json]) -> bool:
    """True if a trial, as plain data, was of the tool as it is defined now, as far as its record says."""
    return trial.get("fingerprint") in (None, tool.get("fingerprint"))
