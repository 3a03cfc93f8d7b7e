"""The cases of a test, by tool: requests, each with the call that it asks for."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ste_graph.contracts import Frozen, Json, Origin
from ste_graph.diagnostics import display_path
from ste_graph.errors import WorkflowError
from ste_graph.files.document import read_json
from ste_graph.finished import open_run
from ste_graph.ids import derive_seed
from ste_graph.inputs.tool_pool import ToolPool, read_tool_pool
from ste_graph.packs.manifest import is_pack
from ste_graph.packs.pack import open_pack
from ste_graph.scoring.case import read_gold
from ste_graph.scoring.restraint import CaseKind
from ste_graph.settings import RelativePath
from ste_graph.text import count_noun, join_first
from ste_graph.training.rows.examples import check_leaks, read_examples

_log = logging.getLogger("ste_graph.inputs")

LISTED = 8
"""Names that a message lists; the rest is counted."""


class Cases(Frozen):
    """One item per tool: its definition, its `cases`, and in `pool` the definitions of all tools of the test.

    `run_id` says which run holds the cases out, if one does.
    A case has a `query`, a `gold` call (`tool`, `arguments`) and a `kind`: `call`; or, where no call is right, `ask` or
    `none`, see `CaseKind`; those come last. `restraint` is true if any tool of the test has such a case. The cases are
    what a run of `distil.yaml` holds out, or those of a file as the paper's `tool_test.json`.
    """

    per_tool: ClassVar[bool] = True
    """It has one item per tool of its run at most, so that plans know a bound before there is the run."""

    run: RelativePath | None = None
    """A run of `distil.yaml`, or a pack."""
    path: RelativePath | None = None
    """A file `{TOOL: [{query, action_input}, …]}`."""
    tools: RelativePath | None = None
    """With `path`: the descriptions of the tools, a file in ToolBench's format or a run that explored them. Unset: the
    workflow's own `tools:`."""
    neighbours: RelativePath | None = None
    """A file `{TOOL: [TOOL, …]}` of the tools offered with a tool's requests, see the node `offer`."""
    names: Literal["original", "plain"] = "original"
    """Of tools described in ToolBench's format: as the file has them, or as `use: toolbench` offers them."""
    include: tuple[str, ...] | None = None
    """The tools whose cases are tested; the others stay in the pool."""
    at_most: Annotated[int, Field(ge=1)] | None = None
    """The number of cases per tool at most: the first ones. Those in which no call is right come beyond that number."""

    restraint: Annotated[float, Field(ge=0)] | None = None
    """The cases in which no call is right, as a share of the others, at most; None: all that there are. Each is put to
    every arm, and they might be twice as many as the others. They are drawn tool by tool in turn."""
    seed: int = 0
    """Draws other ones."""
    asked_in: RelativePath | None = None
    """A run of a test: only the cases that its arms replied to, so that one more arm can be compared with them."""

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if (self.run is None) == (self.path is None):
            raise ValueError("expected either `run`, a run of distil.yaml, or `path`, a file of cases")
        if self.run is not None and self.tools is not None:
            raise ValueError("`tools` describes the tools of a file in `path`; a `run` knows its own")
        if self.names == "plain" and self.tools is None:
            raise ValueError("`names: plain` needs `tools`, a file of descriptions in ToolBench's format")
        return self

    def items(self) -> list[Json]:
        """The tools that have a case, in the order of the run or the file; those without are named in a warning.

        Raises `WorkflowError` if no tool has a case, the two sides of the run's split share something, a file has
        another shape, or a tool is not described.
        """
        place = Path(self.run or self.path or "")
        listed = _read_neighbours(Path(self.neighbours)) if self.neighbours is not None else {}
        test = _read_held_out(place) if self.run is not None else self._read_file(place, listed)
        chosen = [test.name(tool, place) for tool in self.include] if self.include is not None else [*test.pool]
        if empty := [tool for tool in chosen if not test.cases.get(tool) and tool not in test.others]:
            _log.warning("%s: has no case of %s, so these are not tested", display_path(place), _list_names(empty))
        cases = {tool: self._limit(own) for tool, own in test.cases.items() if own and tool in chosen}
        if self.asked_in is not None:
            cases = _take_asked(cases, Path(self.asked_in), place)
        if self.restraint is not None:
            before = sum(map(len, cases.values()))
            cases = draw_restraint(cases, self.restraint, self.seed)
            if left := before - sum(map(len, cases.values())):
                _log.warning(
                    "%s: %s in which no call is right left out, so that they are %.0f %% of the others at most "
                    "(`restraint`)",
                    display_path(place), count_noun(left, "case"), 100 * self.restraint,
                )  # fmt: skip
        restraint = any(case["kind"] != "call" for own in cases.values() for case in own)
        if not cases:
            raise WorkflowError(
                f"{place}: holds no case to test with; expected requests that are held out: of too few trials none is "
                "left (explore more, `params.episodes`), and none where `heldout` is 0"
            )
        if listed and (missing := [tool for tool in cases if tool not in map(test.known.get, listed)]):
            raise WorkflowError(f"{self.neighbours}: does not list the tools offered with {_list_names(missing)}")
        neighbours = {
            test.name(tool, place): [test.name(name, Path(self.neighbours or "")) for name in names]
            for tool, names in listed.items()
            if test.known.get(tool) in cases
        }
        return [
            {
                **test.pool[tool],
                "cases": own,
                "restraint": restraint,
                "neighbours": neighbours.get(tool),
                "pool": [*test.pool.values()],
                "run_id": test.run_id,
            }
            for tool, own in cases.items()
        ]

    def held_out_by(self) -> Origin | None:
        """The run that holds the cases out, or the pack that has them; None for a file."""
        if self.run is None:
            return None
        run = Path(self.run)
        return Origin(run_id=open_pack(run).run_id if is_pack(run) else open_run(run).id, run=str(run))

    def _limit(self, cases: list[Json]) -> list[Json]:
        calls = [case for case in cases if case["kind"] == "call"]
        return [*calls[: self.at_most], *(case for case in cases if case["kind"] != "call")]

    def _read_file(self, place: Path, listed: Mapping[str, Sequence[str]]) -> _CaseSet:
        gold = read_gold(place).cases
        named = dict.fromkeys([*gold, *(name for names in listed.values() for name in names)])
        if self.tools is None:
            pool: ToolPool = {name: {"name": name, "description": "", "parameters": None} for name in named}
            known: Mapping[str, str] = {name: name for name in named}
        else:
            pool, known = read_tool_pool(Path(self.tools), plain=self.names == "plain")
        if missing := [name for name in named if name not in known]:
            raise WorkflowError(
                f"{self.tools}: does not describe {_list_names(missing)}; it describes {_list_names(pool)}"
            )
        return _CaseSet(
            {
                known[tool]: [_case(known[tool], case.query, case.gold.arguments) for case in own]
                for tool, own in gold.items()
            },
            {known[name]: pool[known[name]] for name in named},
            known,
            frozenset(known[name] for name in named if name not in gold),
        )


@dataclass(frozen=True, slots=True)
class _CaseSet:
    """The cases by tool, and all tools that may be offered."""

    cases: Mapping[str, list[Json]]
    pool: ToolPool
    known: Mapping[str, str]
    """The name in the pool for every name that a file may use."""
    others: frozenset[str] = frozenset()
    """Tools that are only offered, and have no cases."""
    run_id: str | None = None

    def name(self, tool: str, place: Path) -> str:
        """The tool's name in the pool. Raises `WorkflowError`."""
        if self.known.get(tool) not in self.pool:
            raise WorkflowError(f"{place}: the test has no tool `{tool}`; it has {_list_names(self.pool)}")
        return self.known[tool]


def _take_asked(cases: Mapping[str, list[Json]], test: Path, place: Path) -> dict[str, list[Json]]:
    """The cases that the arms of a test replied to. Raises `WorkflowError` if one of them is not there."""
    replies = [line for line in open_run(test).records() if line.get("record") == "reply"]
    asked = {(line["gold"]["tool"], line["query"]) for line in replies}
    found = {tool: [case for case in own if (tool, case["query"]) in asked] for tool, own in cases.items()}
    missing = asked - {(tool, case["query"]) for tool, own in found.items() for case in own}
    if missing:
        tool, query = min(missing)
        raise WorkflowError(
            f"{place}: does not hold {len(missing)} of the {len(asked)} cases that {test} replied to, such as {tool}: "
            f"{query!r}; name the run that it was tested on"
        )
    return {tool: own for tool, own in found.items() if own}


def draw_restraint(cases: Mapping[str, list[Json]], share: float, seed: int) -> dict[str, list[Json]]:
    """The cases by tool, with as many in which no call is right as `share` of the others, rounded up.

    The tools take turns, in an order drawn by `seed`, and so do the kinds of cases of a tool. A tool that has nothing
    left is passed over. The order of the cases stays.
    """
    calls = sum(case["kind"] == "call" for own in cases.values() for case in own)
    queues = {
        tool: _mix_kinds([case for case in own if case["kind"] != "call"], seed, tool) for tool, own in cases.items()
    }
    order = sorted(cases, key=lambda tool: derive_seed(seed, tool))
    turns = [queues[tool][turn] for turn in range(max(map(len, queues.values()), default=0)) for tool in order
             if turn < len(queues[tool])]  # fmt: skip
    drawn = {id(case) for case in turns[: math.ceil(share * calls - 1e-9)]}
    return {tool: [case for case in own if case["kind"] == "call" or id(case) in drawn] for tool, own in cases.items()}


def _mix_kinds(cases: list[Json], seed: int, tool: str) -> list[Json]:
    """The cases of a tool in an order drawn by `seed`, one kind after the other in turn."""
    shuffled = Random(derive_seed(seed, tool)).sample(cases, len(cases))
    places = Counter[str]()
    ranked = []
    for case in shuffled:
        ranked.append((places[case["kind"]], case))
        places[case["kind"]] += 1
    return [case for _, case in sorted(ranked, key=lambda pair: pair[0])]


def _read_held_out(run: Path) -> _CaseSet:
    """Reads the cases that a run of `distil.yaml` holds out, or those of a pack."""
    if is_pack(run):
        return _read_pack(run)

    examples = read_examples(run)
    check_leaks(examples)
    pool: ToolPool = {}
    cases: dict[str, list[Json]] = {}
    for example in examples:
        tool = example.definition.name
        pool.setdefault(tool, {**example.definition.model_dump(), "fingerprint": example.fingerprint})
        own = cases.setdefault(tool, [])
        if example.split == "heldout" and example.kind == "call" and example.paraphrase_of is None:
            own.append(_case(tool, example.query, example.arguments))
        elif example.split == "heldout" and example.kind != "call":
            own.append(_case(tool, example.query, {}, example.kind))
    return _CaseSet(cases, pool, {tool: tool for tool in pool}, run_id=open_run(run).id)


def _read_pack(path: Path) -> _CaseSet:
    """Reads the cases of a pack; on offer are the tools of its test, as they were."""
    pack = open_pack(path)
    names = {"name", "description", "parameters", "fingerprint"}
    pool: ToolPool = {name: tool.model_dump(include=names) for name, tool in pack.definitions.items()}
    cases: dict[str, list[Json]] = {name: [] for name in pool}
    for case in sorted(pack.cases, key=lambda case: case.kind != "call"):
        cases[case.gold.tool].append(_case(case.gold.tool, case.query, case.gold.arguments, case.kind))
    return _CaseSet(cases, pool, {tool: tool for tool in pool}, run_id=pack.run_id)


def _case(tool: str, query: str, arguments: Mapping[str, Json], kind: CaseKind = "call") -> Json:
    return {"query": query, "kind": kind, "gold": {"tool": tool, "arguments": dict(arguments)}}


def _read_neighbours(file: Path) -> dict[str, list[str]]:
    value = read_json(file)
    if not isinstance(value, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in value.values()
    ):
        raise WorkflowError(f"{file}: expected one object that gives each tool a list of tools' names")
    return value


def _list_names(names: Iterable[str]) -> str:
    return join_first([f"`{name}`" for name in names], LISTED)
