"""The facts in a run's step logs: the time and tokens of each node, and the steps that led to a record."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ste_graph.contracts import Json
from ste_graph.report.blocks import PageSection, make_section, make_table
from ste_graph.report.charts import bar_chart
from ste_graph.run.costs import seconds_between
from ste_graph.run.logs.logged_step import LoggedStep
from ste_graph.run.logs.step_log import StepLog

LONGEST_OUTPUT: Final = 1500
"""The most characters that are kept of the outputs of a step without messages."""
RECORDS: Final = ("trial", "reply")
"""The records whose steps are kept."""
_COUNTER: Final = re.compile(r"[^=]+=(?:-|\d+)")


@dataclass(slots=True)
class NodeCost:
    """The cost of a node: seconds of the model (waiting for it included), of tools, and of the program itself."""

    steps: int = 0
    model: float = 0.0
    tool: float = 0.0
    us: float = 0.0
    model_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def seconds(self) -> float:
        return self.model + self.tool + self.us


@dataclass(slots=True)
class StepFacts:
    """The cost per node over all logs, and the steps that led to each record, by the record's id."""

    costs: dict[str, NodeCost] = field(default_factory=dict)
    transcripts: dict[str, list[dict[str, Json]]] = field(default_factory=dict)


def read_steps_of(logs: Mapping[str, StepLog], starts: Sequence[str]) -> StepFacts:
    """The facts in the step logs. `starts` are the times at which the run was begun or taken up again."""
    found = StepFacts()
    between = NodeCost()
    for log in logs.values():
        steps = list(log.finished.values())
        keys = {step.key: split_key(step.key) for step in steps}
        took = {step.key: _seconds(step.started, step.ended) for step in steps}
        for step in steps:
            _add_cost(found.costs, step, keys[step.key][0], took[step.key])
        for before, after in pairwise(steps):
            if not any(before.ended <= start <= after.started for start in starts):  # the run was not under way
                between.us += _seconds(before.ended, after.started)
        _add_transcripts(found.transcripts, steps, keys, took)
    if between.us >= 0.01:
        found.costs["(between steps)"] = between
    return found


def _seconds(began: str, ended: str) -> float:
    """The seconds between two times of a log; 0 if one cannot be read, or the clock was set back."""
    try:
        return max(0.0, seconds_between(began, ended))
    except ValueError:
        return 0.0


def cost_section(costs: Mapping[str, NodeCost]) -> PageSection | None:
    """Time and tokens per node."""
    ordered = sorted(costs.items(), key=lambda item: -item[1].seconds)
    rows = [
        {"node": name, "who": who, "seconds": round(seconds, 2)}
        for name, cost in ordered
        for who, seconds in (("model", cost.model), ("tool", cost.tool), ("us", cost.us))
        if seconds >= 0.005
    ]
    head = ("node", "steps", "model, s", "tool, s", "us, s", "model calls", "prompt tokens", "completion tokens")
    table = make_table(
        "Cost by node",
        head,
        (
            (
                name,
                cost.steps,
                round(cost.model, 1),
                round(cost.tool, 1),
                round(cost.us, 1),
                cost.model_calls,
                cost.prompt_tokens,
                cost.completion_tokens,
            )
            for name, cost in ordered
        ),
    )
    chart = bar_chart("Seconds by node", rows, y="node", x="seconds", colour="who", x_title="seconds, all units added")
    note = (
        "The time of a step that asked a model counts as the model's, with the wait for a free place at its server; "
        "“us” is the rest. Units run side by side, so that the sum is more than the time on the clock."
    )
    return make_section("cost", "Cost and time", (chart, table), note)


def split_key(key: str) -> tuple[str, dict[str, str]]:
    """The vertex and the loops' counters in the key of a step, as its log has it."""
    words = key.split(" ")
    end = len(words)
    while end > 1 and _COUNTER.fullmatch(words[end - 1]):
        end -= 1
    return " ".join(words[:end]), dict(word.split("=", 1) for word in words[end:])


def _add_cost(costs: dict[str, NodeCost], step: LoggedStep, vertex: str, whole: float) -> None:
    if step.sub_workflow:  # its own part tells
        return
    cost = costs.setdefault(vertex if step.record is None else "record", NodeCost())
    tool = min(whole, sum(_milliseconds(step.outputs)) / 1000)
    cost.steps += 1
    cost.tool += tool
    if step.used.model_calls:
        cost.model += whole - tool
    else:
        cost.us += whole - tool
    cost.model_calls += step.used.model_calls
    cost.prompt_tokens += step.used.prompt_tokens
    cost.completion_tokens += step.used.completion_tokens


def _milliseconds(outputs: Mapping[str, Json]) -> Iterable[float]:
    """The time of the tool calls of a step."""
    seen = outputs.get("observation")
    for observation in seen if isinstance(seen, list) else [seen]:
        if isinstance(observation, Mapping) and isinstance(observation.get("ms"), int | float):
            yield float(observation["ms"])


def _add_transcripts(
    transcripts: dict[str, list[dict[str, Json]]],
    steps: Sequence[LoggedStep],
    keys: Mapping[str, tuple[str, dict[str, str]]],
    took: Mapping[str, float],
) -> None:
    for record, own in group_by_record(steps, keys):
        outer = len(keys[record.key][1])
        entries = [_transcript_entry(step, *keys[step.key], outer, took[step.key]) for step in own]
        transcripts[str((record.record or {})["id"])] = entries


def group_by_record(
    steps: Sequence[LoggedStep], keys: Mapping[str, tuple[str, dict[str, str]]]
) -> Iterator[tuple[LoggedStep, list[LoggedStep]]]:
    """Each step that made a trial or a reply, with the steps that led to it: those in the same pass of all its loops.

    `keys` are the vertex and the counters of each step, by its key.
    """
    records = [step for step in steps if step.record is not None and step.record.get("record") in RECORDS]
    if not records:
        return
    shapes = {tuple(keys[step.key][1]) for step in records}
    passes: dict[tuple[tuple[str, str], ...], list[LoggedStep]] = defaultdict(list)
    for step in steps:
        counters = keys[step.key][1]
        for shape in shapes:
            if step.record is None and all(loop in counters for loop in shape):
                passes[tuple((loop, counters[loop]) for loop in shape)].append(step)
    for step in records:
        yield step, passes[tuple(keys[step.key][1].items())]


def _transcript_entry(
    step: LoggedStep, vertex: str, counters: Mapping[str, str], outer: int, seconds: float
) -> dict[str, Json]:
    """A step as the page shows it: its messages, or else what it gave."""
    entry: dict[str, Json] = {"n": vertex, "s": round(seconds, 3)}
    inner = list(counters.items())[outer:]
    if inner:
        entry["l"] = ", ".join(f"{loop} {number}" for loop, number in inner if number != "-")
    if step.messages:
        entry["m"] = [[str(message.get("role")), _message_text(message)] for message in step.messages]
    elif step.outputs:
        text = json.dumps(step.outputs, ensure_ascii=False)
        more = len(text) - LONGEST_OUTPUT
        entry["o"] = text if more <= 0 else f"{text[:LONGEST_OUTPUT]} … {more:,} characters more"
    if step.used.prompt_tokens or step.used.completion_tokens:
        entry["u"] = [step.used.prompt_tokens, step.used.completion_tokens]
    return entry


def _message_text(message: Mapping[str, Json]) -> str:
    """The content of a message, with the calls that it makes by the server's own tool calling."""
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False) if content else ""
    calls = message.get("tool_calls")
    return "\n".join(filter(None, [text, json.dumps(calls, ensure_ascii=False) if calls else ""]))
