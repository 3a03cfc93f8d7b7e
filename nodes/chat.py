"""Chat: a model call with a prompt and named outputs of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError, create_model

from ste_graph.contracts import Context, Json, Model, Reply
from ste_graph.errors import ModelError
from ste_graph.language.expressions.types import type_from_word
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.json_object import NotAnObjectError, first_object


class Chat(Node):
    """Ask the model, and take the outputs named in `outputs` (name to type word, as in `{score: int}`) from its reply.

    A model with structured output is given the JSON Schema; otherwise the first JSON object in the text is read. A
    single `str` may also be given as plain text. A value that is missing, or of another type, is None for a `maybe`
    output and ends the unit for any other.
    """

    model: Model
    prompt: Prompt
    outputs: dict[str, Any]
    """The names of the outputs, with their types: `{score: int, why: str}`."""

    @classmethod
    def output_type(cls, settings: Mapping[str, Any]) -> type[NodeOutputs]:
        """One output per entry of `outputs`. Raises `ValueError` for a word that names no type."""
        fields: dict[str, Any] = {name: (type_from_word(word), ...) for name, word in settings["outputs"].items()}
        return create_model("Outputs", __base__=NodeOutputs, __module__=cls.__module__, **fields)

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> NodeOutputs:
        output_type = self.output_type({"outputs": self.outputs})
        reply = await ctx.ask(self.model, self.prompt, schema=output_type.model_json_schema())
        data = self._data(reply)
        return output_type(**{name: _field(name, self.outputs[name], data, reply) for name in output_type.model_fields})

    def _data(self, reply: Reply) -> Mapping[str, Json]:
        if isinstance(reply.data, Mapping):
            return reply.data
        try:
            data = first_object(reply.text).value
        except NotAnObjectError:
            data = {}
        only = next(iter(self.outputs)) if len(self.outputs) == 1 else None
        if only and only not in data and type_from_word(self.outputs[only]) in (str, str | None) and reply.text.strip():
            return {only: reply.text.strip()}
        return data


def _field(name: str, word: Json, data: Mapping[str, Json], reply: Reply) -> Json:
    annotation = type_from_word(word)
    try:
        return TypeAdapter(annotation).validate_python(data.get(name))
    except ValidationError:
        if isinstance(word, str) and word.startswith("maybe "):
            return None
        given = repr(data[name]) if name in data else "nothing"
        raise ModelError(
            f"the reply gives {given} for `{name}`, expected {word}; write `maybe {word}` if it may be missing. "
            f"The reply: {reply.text[:200]!r}"
        ) from None
