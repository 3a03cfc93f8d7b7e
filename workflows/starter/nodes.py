"""Your nodes: each reads some values (`Inputs`), gives others (`Outputs`), and changes nothing else."""

from typing import Any

import ste_graph as ste
from ste_graph.nodes.reflect import Reflect


class StrictReflect(Reflect):
    """Reflect, but believe a "yes" only where the last call of the tool went well."""

    class Inputs(Reflect.Inputs):
        observation: dict[str, Any] | None

    async def __call__(self, inputs: Any, ctx: ste.Context) -> Reflect.Outputs:
        verdict = (await super().__call__(inputs, ctx)).solved
        worked = inputs.observation is not None and inputs.observation["ok"]
        return self.Outputs(solved=verdict and worked)
