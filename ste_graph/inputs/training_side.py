"""The training side of a run of `distil.yaml`, by tool: what forms of learning are written from, and tested on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ste_graph.contracts import Frozen, Json
from ste_graph.contracts.failure import CALL_AT_FAULT
from ste_graph.distil.example import Example
from ste_graph.distil.reading.normalisation import contains_words
from ste_graph.distil.split import assign_sides
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.packs.pack import open_adopted_pack
from ste_graph.settings import RelativePath
from ste_graph.training.rows.examples import check_leaks, read_examples
from ste_graph.training.rows.held_out import HeldOut


class TrainingSide(Frozen):
    """One item per tool: its definition, `trials`, `failures`, `validation`; in `pool` the definitions of all tools.

    `trials` are the kept ones of the training side, each with `id`, `query` and `steps`, and `cases` the same as
    requests with their calls. `failures` are trials of
    `explored`, the run that was distilled, in which a call failed; none that says something about what is held out or
    set aside. `validation` are cases of the training side that are set aside, about this share of its requests: what is
    written from `trials` is tested on them. `restraint` is as in the cases of the run's test. `held_out` are values of
    held-out calls that no trial has, for checks only.
    """

    per_tool: ClassVar[bool] = True
    """It has one item per tool of its run at most, so that plans know a bound before there is the run."""

    run: RelativePath
    """A run of `distil.yaml`."""
    explored: RelativePath | None = None
    """The run that it distilled; without it there are no `failures`."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0
    """The share of the requests that is set aside."""
    include: tuple[str, ...] | None = None
    """Only these tools; the others stay in the pool."""
    since: RelativePath | None = None
    """A pack that the exploration went on from: without the tools that it was kept for and has the `form` of."""
    form: Literal["guideline", "descriptions"] = "guideline"
    """The form of learning that the items are for."""
    seed: int = 0
    """Decides which requests are set aside."""

    def items(self) -> list[Json]:
        """The tools that have a training side, in the order of the run.

        Raises `WorkflowError` if no tool has one, a named tool has none, or the sides of the run share something.
        """
        place = Path(self.run)
        examples = read_examples(place)
        check_leaks(examples)
        held_out = HeldOut(examples, examples.apart)
        pool = {each.definition.name: _definition(each) for each in examples}
        own: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            if example.split == "train" and example.kind == "call" and example.paraphrase_of is None:
                own[example.definition.name].append(example)
        if not own and self.since is None:
            raise WorkflowError(f"{place}: has no trial on the training side of its split")
        done = self._find_done()
        if missing := sorted({*(self.include or ())} - own.keys()):
            listed = ", ".join(f"`{name}`" for name in own)
            raise WorkflowError(f"{place}: has no training side for {', '.join(missing)}; it has one for: {listed}")
        chosen = [name for name in own if (self.include is None or name in self.include) and name not in done]
        sides = {
            name: assign_sides([example.cluster for example in own[name]], self.validation, self.seed)
            for name in chosen
        }
        restraint = any(example.kind != "call" for example in examples if example.split == "heldout")
        aside = [each for name in chosen for each in own[name] if sides[name][each.cluster] == "heldout"]
        set_aside = HeldOut([each.model_copy(update={"split": "heldout"}) for each in aside], examples.apart)
        failures = self._read_failures([held_out, set_aside])
        run_id = open_run(place).id
        found: list[Json] = []
        for name in chosen:
            kept = [example for example in own[name] if sides[name][example.cluster] == "train"]
            trials = [_trial(example.trial_id, example.query, example.steps) for example in kept]
            fingerprint = pool[name]["fingerprint"]
            failed = [trial for known, trial in failures.get(name, ()) if fingerprint in (None, known)]
            training_text = "\n".join(map(str, [*trials, *failed]))
            found.append(
                {
                    **pool[name],
                    "run": str(place.resolve()),
                    "run_id": run_id,
                    "trials": trials,
                    "cases": [_case(each) for each in kept],
                    "failures": failed,
                    "validation": [_case(each) for each in aside if each.definition.name == name],
                    "held_out": _unseen(held_out.values(name), training_text),
                    "pool": [*pool.values()],
                    "restraint": restraint,
                }
            )
        return found

    def count_costless(self, kept: Sequence[str]) -> int:
        """The number of tools that a pack is kept for and that cost nothing: those that it has the form of."""
        if self.since is None:
            return 0
        pack = open_adopted_pack(self.since)
        return len({*kept} & {*(pack.guideline if self.form == "guideline" else pack.descriptions)})

    def _find_done(self) -> frozenset[str]:
        """The tools that a pack was kept for and has the form of."""
        if self.since is None:
            return frozenset()
        pack = open_adopted_pack(self.since)
        have = pack.guideline if self.form == "guideline" else pack.descriptions
        kept = (open_run(Path(self.explored)).lock.get("kept") or {}) if self.explored is not None else have
        return frozenset(name for name in have if name in kept)

    def _read_failures(self, hidden: Sequence[HeldOut]) -> dict[str, list[tuple[str | None, Json]]]:
        """The trials with a failed call, by tool, each with the fingerprint of the tool as it was."""
        found: dict[str, list[tuple[str | None, Json]]] = defaultdict(list)
        if self.explored is None:
            return found
        explored = open_run(Path(self.explored))
        for trial in explored.trials():
            line = trial.line
            steps = line["steps"]
            calls = [(step["action"], step["arguments"]) for step in steps]
            if not any(step["action"] and (step["observation"] or {}).get("kind") in CALL_AT_FAULT for step in steps):
                continue
            if not any(other.is_revealed_by(explored.id, line["id"], line["query"], calls) for other in hidden):
                found[trial.tool].append((line.get("fingerprint"), _trial(line["id"], line["query"], steps)))
        return found


def _definition(example: Example) -> dict[str, Json]:
    return {**example.definition.model_dump(), "fingerprint": example.fingerprint}


def _trial(id: str, query: str, steps: Iterable[object]) -> dict[str, Json]:
    """A trial as plain data, with what its calls gave and no more."""
    plain: list[Json] = []
    for step in steps:
        data = step if isinstance(step, Mapping) else step.model_dump(mode="json")  # type: ignore[attr-defined]
        seen = data.get("observation")
        observation = seen and {
            name: seen[name] for name in ("ok", "kind", "text", "doubt") if seen.get(name) is not None
        }
        plain.append({"action": data.get("action"), "arguments": data.get("arguments"), "observation": observation})
    return {"id": id, "query": query, "steps": plain}


def _case(example: Example) -> Json:
    gold = {"tool": example.definition.name, "arguments": dict(example.arguments)}
    return {"query": example.query, "gold": gold}


def _unseen(values: Iterable[Json], text: str) -> list[Json]:
    """The values that a text does not have."""
    return [value for value in values if not contains_words(text, str(value))]
