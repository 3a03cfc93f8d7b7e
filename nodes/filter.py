"""Filter: keeps the trials that pass the gates that need no model."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from ste_graph.contracts import Context
from ste_graph.distil.filtering import RULE_GATES, FilterResult, filter_trial
from ste_graph.distil.gates import GateName
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.tools.threads import run_in_daemon_thread


class Filter(Node):
    """Apply the gates in their order, and stop at the first that a trial does not pass.

    `format`: the last reply before the answer is a call that parses and validates. `execution`: it succeeded.
    `grounding`: every value of it that is not a default can be traced to the request, where it belongs to
    that parameter, or to the result of an earlier call, and nothing that the request asks for is left out.

    Differs: the paper's code asks a model alone, and never whether the call succeeded.
    """

    checks: tuple[GateName, ...] = RULE_GATES
    """The gates to apply."""
    free: tuple[str, ...] = ()
    """Parameters whose values are in a language that cannot be taken apart: they need not be traced."""
    doubtful: Literal["reject", "pass"] = "reject"
    """The treatment by `execution` of answers that may report a failure of their own: `pass` leaves them to a judge."""

    class Inputs(NodeInputs):
        """A trial as the journal has it, and its tool."""

        trial: dict[str, Any]
        tool: dict[str, Any]

    class Outputs(FilterResult, NodeOutputs):
        """`steps` are the calls that an example keeps, `gates` those that were passed."""

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        # A schema may hold up its checks, and a long trial the tracing of its values; other units go on meanwhile.
        doubtful = self.doubtful == "pass"
        gates = partial(filter_trial, inputs.trial, inputs.tool, self.checks, free=self.free, doubtful=doubtful)
        return self.Outputs(**(await run_in_daemon_thread(gates)).model_dump())
