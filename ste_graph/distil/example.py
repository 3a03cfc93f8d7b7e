"""A training example, with everything that says where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.records import Record, RecordContext, TrialStep

Side: TypeAlias = Literal["train", "heldout"]

ExampleKind: TypeAlias = Literal["call", "ask", "none"]
"""The behaviour to learn: make a call; ask back, as a required value is missing; answer without a call."""


class Definition(Frozen):
    """The tool that an example is about, as a model is offered it."""

    name: str
    description: str = ""
    parameters: dict[str, Json] = Field(default={})


class Example(Record):
    """A training example; `of` is the output of the split and is not kept; `query`, if given, replaces its request."""

    derived: ClassVar[frozenset[str]] = frozenset(
        {
            "steps", "split", "cluster", "paraphrase_of", "definition", "trial_id", "run", "run_id", "licence",
            "model", "judge", "writer", "fingerprint", "gates",
        }
    )  # fmt: skip

    of: dict[str, Json] = Field(default={}, exclude=True)
    kind: ExampleKind = "call"
    query: str
    steps: list[TrialStep]
    answer: str | None = None
    split: Side
    cluster: int
    """The number of the cluster of requests, see `ste_graph.distil.split`; a cluster is never split."""
    paraphrase_of: str | None = None
    """The request of the trial, if this one says it in other words."""
    definition: Definition
    fingerprint: str | None = None
    trial_id: str
    """The trial's id in the journal of its run."""
    run: str
    """The name of the run's folder."""
    run_id: str
    model: str | None
    """The model that explored."""
    judge: str | None = None
    writer: str | None = None
    """The model that worded the request, if that was not the explorer."""
    licence: str | None = None
    gates: list[str]
    """The gates passed, in order."""

    @property
    def text(self) -> str:
        return self.query

    @property
    def arguments(self) -> dict[str, Json]:
        """The arguments of the last call."""
        return (self.steps[-1].arguments or {}) if self.steps else {}

    @classmethod
    def from_values(cls, values: Mapping[str, Json], context: RecordContext) -> Self:
        of, item = values["of"], context.item
        own = {"kind": "call", "answer": of.get("answer"), **{k: v for k, v in values.items() if v is not None}}
        steps = of["steps"] if own["kind"] == "call" else []
        return cls.model_validate(
            {
                **own,
                "steps": steps,
                "split": of["split"],
                "cluster": of["cluster"],
                "paraphrase_of": of.get("paraphrase_of"),
                "definition": {key: item[key] for key in ("name", "description", "parameters")},
                "fingerprint": of.get("fingerprint"),
                "trial_id": of["trial_id"],
                "run": item["run"],
                "run_id": item["run_id"],
                "model": of.get("model"),
                "judge": of.get("judge"),
                "writer": next(iter(context.models.get("query", ())), of.get("writer")),
                "licence": item.get("licence"),
                "gates": of["gates"],
            }
        )
