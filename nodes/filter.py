"""Filter: keeps the trials that pass the gates that need no model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from ste_graph.contracts import Context, Json
from ste_graph.distil.gates import (
    PASSED,
    CheckResult,
    GateName,
    TrialGrounding,
    call_record,
    execution_fault,
    format_fault,
    ground_trial,
    grounding_fault,
    reject,
)
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.threads import run_in_daemon_thread


class Filter(Node):
    """Apply the gates in their order, and stop at the first that a trial does not pass.

    `format`: the last reply before the answer is a call that parses and validates. `execution`: it succeeded.
    `grounding`: every value of it that is not a default can be traced to the request, where it belongs to
    that parameter, or to the result of an earlier call, and nothing that the request asks for is left out.

    Differs: the paper's code asks a model alone, and never whether the call succeeded.
    """

    checks: tuple[GateName, ...] = ("format", "execution", "grounding")
    free: tuple[str, ...] = ()
    """Parameters whose values are composed rather than stated, such as a query: they need not be traced."""
    doubtful: Literal["reject", "pass"] = "reject"
    """Whether `execution` passes an answer that may report a failure of its own: `pass` leaves it to a judge."""

    class Inputs(NodeInputs):
        """A trial as the journal has it, and its tool."""

        trial: dict[str, Any]
        tool: dict[str, Any]

    class Outputs(CheckResult, NodeOutputs):
        """`steps` are the calls that an example keeps, `gates` those that were passed."""

        steps: list[dict[str, Any]]
        stated_values: list[str]
        gates: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        # A schema may hold up its checks, and a long trial the tracing of its values; other units go on meanwhile.
        return await run_in_daemon_thread(partial(self._apply_gates, inputs))

    def _apply_gates(self, inputs: Inputs) -> Outputs:
        trial, parameters = inputs.trial, inputs.tool["parameters"]
        steps = _steps(trial["steps"], inputs.tool["name"], parameters)
        grounding: TrialGrounding | None = None
        if "format" not in self.checks and not (steps and isinstance(steps[-1].get("arguments"), Mapping)):
            raise ValueError(f"trial {trial['id']} has no call to look at; let `format` be the first of `checks`")
        for number, check in enumerate(self.checks):
            fault = None
            match check:
                case "format":
                    fault = format_fault(steps, trial["answer"], inputs.tool["name"], parameters)
                case "execution":
                    fault = execution_fault(steps, doubtful=self.doubtful == "pass")
                case "grounding":
                    about = str(inputs.tool.get("description") or "")
                    grounding = ground_trial(trial["query"], steps, parameters, self.free, description=about)
                    fault = grounding_fault(grounding, steps[-1]["arguments"])
            if fault is not None:
                passed = list(self.checks[:number])
                result = reject(check, fault)
                return self.Outputs(**result.model_dump(), steps=[], stated_values=[], gates=passed)
        stated_values = grounding.stated_values if grounding else []
        kept = [call_record(steps[place]) for place in (grounding.serving if grounding else [len(steps) - 1])]
        gates = list(self.checks)
        return self.Outputs(**PASSED.model_dump(), steps=kept, stated_values=stated_values, gates=gates)


def _steps(steps: list[dict[str, Any]], tool: str, parameters: Mapping[str, Json]) -> list[dict[str, Any]]:
    """The steps with the last call's arguments as the tool got them, where they could be brought to its types."""
    if not steps or not isinstance(steps[-1].get("arguments"), Mapping):
        return steps
    taken = ArgumentChecker(tool, parameters).check(steps[-1]["arguments"])
    return steps if taken.problem else [*steps[:-1], {**steps[-1], "arguments": taken.arguments}]
