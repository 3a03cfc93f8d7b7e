"""A point of a run: a unit, and the pass of each loop down to one, as in `item=two,turn=7`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ste_graph.compile.flow import Flow, FlowBuilder
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.run.folder import SUB_RUNS
from ste_graph.suggest import did_you_mean

_KEY = re.compile(r"(?P<vertex>.+?)(?P<counters>(?: [^\s=]+=(?:\d+|-))*)")


@dataclass(frozen=True, slots=True)
class ForkPoint:
    """The beginning of a pass; of every unit where `unit` is None."""

    text: str
    unit: str | None
    passes: Mapping[str, int]
    """The number of the pass, from 0, of each loop; the outermost loop comes first."""

    def order(self, counters: Mapping[str, Json]) -> int:
        """Less than 0 for a place before this point, 0 for one in its pass, more than 0 for one after it."""
        for loop, wanted in self.passes.items():
            here = counters.get(loop)
            if here is None:
                return -1
            if here != wanted:
                return -1 if here < wanted else 1
        return 0


def parse_point(text: str, flow: Flow) -> ForkPoint:
    """The point that a person names. Raises `WorkflowError` if the workflow has no such point."""
    unit, known = flow.workflow.unit, list(flow.heads)
    passes: dict[str, int] = {}
    chosen: str | None = None
    for part in re.split(r",(?=\s*[^\s,=]+=)", text):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value:
            raise _error(text, f"`{part.strip()}` is not NAME=VALUE; expected as in `{_example(flow)}`")
        if name == unit and flow.workflow.unit_map is not None:
            chosen = value
        elif name not in known:
            names = [unit, *known] if flow.workflow.unit_map else known
            raise _error(
                text,
                f"no loop is named `{name}`; {did_you_mean(name, names)}it has: {', '.join(names) or 'none'}"
                f"{_find_part(flow, name)}",
            )
        elif not value.isdecimal():
            raise _error(text, f"`{name}={value}`: expected the number of a pass, from 0, as `ste show` prints it")
        else:
            passes[name] = int(value)
    if not passes:
        raise _error(text, f"it names no pass, so that nothing would be replayed; expected as in `{_example(flow)}`")
    chain = _chain(flow, passes)
    missing = [loop for loop in chain if loop not in passes]
    extra = [loop for loop in passes if loop not in chain]
    if missing:
        example = ",".join(f"{loop}={passes.get(loop, 'N')}" for loop in chain)
        raise _error(text, f"`{chain[-1]}` runs in `{missing[-1]}`, whose pass is missing; expected `{example}`")
    if extra:
        raise _error(text, f"`{extra[0]}` and `{chain[-1]}` do not run in each other; name a pass of one of them")
    return ForkPoint(text, chosen, {loop: passes[loop] for loop in chain})


def read_step_key(key: str) -> tuple[str, dict[str, int | None]]:
    """The vertex in the key of a logged step, and the loops' counters."""
    found = _KEY.fullmatch(key)
    assert found is not None, "the pattern takes any text"
    pairs = (word.rpartition("=") for word in found["counters"].split())
    return found["vertex"], {loop: None if count == "-" else int(count) for loop, _, count in pairs}


def _chain(flow: Flow, passes: Mapping[str, int]) -> Sequence[str]:
    """The innermost of the loops, after those around it."""
    innermost = max(passes, key=lambda loop: len(flow.heads[loop].around))
    return (*flow.heads[innermost].around, innermost)


def _find_part(flow: Flow, name: str) -> str:
    """The advice on where to look for a loop of a sub-workflow; empty if none has it."""
    for part in flow.workflow.sub_workflows.values():
        inner = FlowBuilder.build(part.workflow)
        if name in inner.heads or (part.workflow.unit_map is not None and name == part.workflow.unit):
            return (
                f". `{name}` is a loop of the part `{part.name}`, a run of its own: give {part.file.name} as the "
                f"workflow, and the part's folder (RUN/{SUB_RUNS}/…/{part.name}) to --from"
            )
    return ""


def _example(flow: Flow) -> str:
    first = next((loop for loop, head in flow.heads.items() if not head.around), "LOOP")
    unit = f"{flow.workflow.unit}=NAME," if flow.workflow.unit_map else ""
    return f"{unit}{first}=1"


def _error(text: str, why: str) -> WorkflowError:
    return WorkflowError(f"--at {text}: {why}")
