"""The record of a guideline: a short text about one tool, each sentence with the trials that it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import computed_field

from ste_graph.contracts import Frozen
from ste_graph.forms.written import WrittenRecord
from ste_graph.text import approximate_tokens


class GuidelineSentence(Frozen):
    """A sentence, the aspect that it was asked for, and the ids of the trials that it rests on."""

    aspect: str
    text: str
    trials: tuple[str, ...]


class DroppedSentence(Frozen):
    """A sentence of the model that was dropped, with the reason."""

    aspect: str
    text: str
    reason: str


class GuidelineRecord(WrittenRecord):
    """The guideline of a tool; it is empty if no sentence was kept."""

    tool: str
    sentences: tuple[GuidelineSentence, ...] | None = ()
    dropped: tuple[DroppedSentence, ...] | None = ()
    """None where nothing was asked; kept as nothing."""
    fingerprint: str | None = None
    """The tool's, as it was."""
    source_id: str | None = None
    """The id of the run of `distil.yaml` whose training side it was written from."""
    model: str | None = None
    simulated: bool = False

    @computed_field  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """The sentences as one text."""
        return guideline_text(self.sentences or ())

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens(self) -> int:
        """About how many tokens the text has."""
        return approximate_tokens(self.text)


def guideline_text(sentences: Sequence[GuidelineSentence]) -> str:
    """The sentences as one text; "" without any."""
    return " ".join(sentence.text for sentence in sentences)
