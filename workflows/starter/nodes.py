"""Your nodes: each reads some values (`See`), gives others (`Gives`), and changes nothing else."""

from typing import Any

from ste_graph.nodes.reflect import Reflect


class StrictReflect(Reflect):
    """Reflect, but believe a "yes" only where the last call of the tool went well."""

    class See(Reflect.See):
        observation: dict[str, Any] | None

    async def __call__(self, see: Any) -> Reflect.Gives:
        verdict = (await super().__call__(see)).solved
        worked = see.observation is not None and see.observation["ok"]
        return self.Gives(solved=verdict and worked)
