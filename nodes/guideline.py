"""Guideline: the model says in sentences what the trials of a tool have shown."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from ste_graph.contracts import Context, Model
from ste_graph.distil.reading.normalisation import words
from ste_graph.forms.contradictions import find_contradiction
from ste_graph.forms.evidence import NumberedTrial, definition_text
from ste_graph.forms.foreign import find_foreign
from ste_graph.forms.guideline import DroppedSentence, GuidelineSentence, guideline_text
from ste_graph.forms.sentences import (
    CitedSentence,
    adds_nothing,
    find_basis,
    find_example_words,
    read_sentences,
    repeats_example,
)
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.packs.leaks import LeakFinder
from ste_graph.prompts.prompt import Prompt
from ste_graph.text import approximate_tokens


class Guideline(Node):
    """Ask the model what the numbered trials show of a tool, one aspect at a time, and keep what rests on them.

    A sentence is dropped if a name or a value in it is neither in the trials that it cites nor in the tool's
    definition, if it says that something fails which worked in the trials (or the other way round), if it rests on no
    trial or says no more than the definition, if it holds what does not belong in a
    prompt (an address, an instruction or a secret from a tool's output, a value of a held-out request), or if there is
    no room for it. Without any trials to show, nothing is asked.

    Differs: in the paper nothing is written about a tool; this form follows ExpG (2026).
    """

    own_inputs: ClassVar[frozenset[str]] = frozenset({"sentences", "dropped"})

    model: Model
    prompt: Prompt
    tokens: Annotated[int, Field(ge=1)] = 120
    """The most tokens of the whole guideline, about."""
    per_aspect: Annotated[int, Field(ge=1)] = 2
    """The most sentences of one aspect."""

    class Inputs(NodeInputs):
        """The tool, the aspect that is asked about, and the trials that the prompt shows, see `evidence`."""

        tool: dict[str, Any]
        aspect: dict[str, Any]
        trials: list[dict[str, Any]]
        sentences: list[dict[str, Any]] | None = None
        dropped: list[dict[str, Any]] | None = None

    class Outputs(NodeOutputs):
        """All sentences so far, those that were dropped, and the text of the guideline."""

        sentences: list[dict[str, Any]]
        dropped: list[dict[str, Any]]
        text: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt) if inputs.trials else None
        aspect = str(inputs.aspect["name"])
        kept = [GuidelineSentence.model_validate(sentence) for sentence in inputs.sentences or ()]
        dropped = [DroppedSentence.model_validate(sentence) for sentence in inputs.dropped or ()]
        trials = [NumberedTrial.model_validate(trial) for trial in inputs.trials]
        for sentence in read_sentences(reply.text if reply else ""):
            basis = find_basis(sentence, trials, definition_text(inputs.tool))
            fault = basis.fault or self._fault(sentence, aspect, kept, inputs.tool, trials)
            if fault is None:
                kept.append(GuidelineSentence(aspect=aspect, text=sentence.text, trials=basis.trials))
            else:
                dropped.append(DroppedSentence(aspect=aspect, text=sentence.text[:300], reason=fault))
        return self.Outputs(
            sentences=[sentence.model_dump(mode="json") for sentence in kept],
            dropped=[sentence.model_dump(mode="json") for sentence in dropped],
            text=guideline_text(kept),
        )

    def _fault(
        self,
        sentence: CitedSentence,
        aspect: str,
        kept: list[GuidelineSentence],
        tool: dict[str, Any],
        trials: list[NumberedTrial],
    ) -> str | None:
        """The reason why a sentence that rests on its trials is dropped all the same; None without one."""
        if any(words(other.text) == words(sentence.text) for other in kept):
            return "it says what was said before"
        sources = [definition_text(tool), *(trial.source for trial in trials)]
        if repeats_example(sentence.text, find_example_words(self.prompt.text), sources):
            return "it mentions the worked example in the prompt"
        if contradiction := find_contradiction(sentence.text, trials):
            return str(contradiction)
        if adds_nothing(sentence.text, definition_text(tool)):
            return "it says no more than the tool's definition"
        observations = [call.observation for trial in trials for call in trial.calls]
        foreign = find_foreign(
            sentence.text, definition=definition_text(tool), observations=observations, held_out=tool["held_out"]
        )
        foreign += [leak.shown for leak in LeakFinder().find(sentence.text) if leak.kind == "secret"]
        if foreign:
            return f"it holds {foreign[0]}"
        if sum(other.aspect == aspect for other in kept) >= self.per_aspect:
            return f"there are {self.per_aspect} sentences on this already"
        room = self.tokens - approximate_tokens(guideline_text(kept))
        return None if approximate_tokens(f" {sentence.text}") <= room else "there is no room for it"
