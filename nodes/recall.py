"""Recall: exemplars for the request at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Context, ExemplarView, Json, SelectedExemplars, Selection, SelectionFields
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Recall(Node, SelectionFields):
    """Look up earlier requests like this one, and how they were served (STE, section 3.3: in-context learning).

    Only exemplars that passed all `gates` and whose tool is as it was; never one that names a tool outside `tools`
    (or `tool`), where these are given. Nothing if the memory is off.

    Differs: the paper shows the 8 nearest over all tools, even of tools that the prompt does not offer, the most
    similar first, and their calls alone; `paper: true` does so.
    """

    memory: ExemplarView
    placebo: bool = False
    """Draw as many exemplars, of about the same length, that can teach nothing about the request: each the request of
    one with the calls of another, both of tools that the exemplars shown are not of, as far as there are others."""
    seed: int = 0
    """Makes the placebo another one."""

    class Inputs(NodeInputs):
        """`tools` or `tool` are what is offered: names, or tools as plain data; with neither, any tool may be shown."""

        query: str
        tools: list[Json] | None = None
        tool: Json | None = None

    class Outputs(NodeOutputs):
        """`examples` is what a prompt shows; "" where there is nothing to show. `origin` says whose exemplars they are.

        `calls` are the same for a prompt that shows them as turns of a chat: the `query` of each, and the `action` and
        `arguments` of its last call. `placebo` and `placebo_calls` are those of the placebo, if there is to be one.
        """

        examples: str
        exemplars: list[dict[str, Json]]
        calls: list[dict[str, Json]]
        ids: list[str]
        placebo: str
        placebo_calls: list[dict[str, Json]]
        placebo_ids: list[str]
        origin: dict[str, Any] | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        settings = {name: getattr(self, name) for name in SelectionFields.model_fields}
        selection = Selection(**settings, placebo=self.seed if self.placebo else None)
        offered = inputs.tools if inputs.tools is not None else None if inputs.tool is None else [inputs.tool]
        names = None if offered is None else [_name(tool) for tool in offered]
        shown = await self.memory.select_exemplars(inputs.query, selection, tools=names)
        others = shown.placebo or SelectedExemplars()
        return self.Outputs(
            examples=shown.text,
            exemplars=shown.exemplars,
            calls=self._list_calls(shown),
            ids=self._list_ids(shown),
            placebo=others.text,
            placebo_calls=self._list_calls(others),
            placebo_ids=self._list_ids(others),
            origin=shown.origin.model_dump() if shown.origin else None,
        )

    @staticmethod
    def _list_ids(shown: SelectedExemplars) -> list[str]:
        return [str(exemplar["id"]) for exemplar in shown.exemplars]

    @staticmethod
    def _list_calls(shown: SelectedExemplars) -> list[dict[str, Json]]:
        return [
            {"query": exemplar["query"], "action": last["action"], "arguments": last.get("arguments") or {}}
            for exemplar in shown.exemplars
            if isinstance(calls := exemplar.get("calls"), list) and calls and isinstance(last := calls[-1], dict)
        ]


def _name(tool: Json) -> str:
    return str(tool["name"] if isinstance(tool, Mapping) else tool)
