"""Reading of a reply when it is scored: as the released code reads it, or tolerantly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ste_graph.protocols import native, paper
from ste_graph.protocols.form import Form, Parser
from ste_graph.protocols.next_step import Action, FinalAnswer, NextStep
from ste_graph.protocols.offered import OfferedTools
from ste_graph.protocols.reader import read, read_reply_text
from ste_graph.suggest import nearest


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """The step in a reply, with the tool's legal name if that could be told, and the repairs that this took."""

    step: NextStep
    repairs: tuple[str, ...] = ()


def read_reply(
    text: str,
    names: Sequence[str],
    parser: Parser = Parser.tolerant,
    *,
    exact_names: bool = True,
    form: Form = "react",
) -> ParsedReply:
    """Reads the step in a reply.

    Args:
        text: The reply.
        names: The legal names of tools.
        parser: The parser to use.
        exact_names: False if a name that is not legal counts as the one that is spelt most like it, as in the released
            test: with few tools, nearly any name is then one of them. The tolerant reading lists this among the
            repairs; a host would refuse such a call.
        form: The form that was asked for; a reply to `native` is kept as `native.write_reply` writes it.
    """
    legal = tuple(names)
    if parser is Parser.paper:
        return ParsedReply(paper.parse(text.strip(), tools=legal, closest=not exact_names, tokens=True))
    tools = _with_tokens(legal)
    step = read(native.read_kept_reply(text), tools, form) if form == "native" else read_reply_text(text, tools, form)
    if not isinstance(step, Action) or step.name in tools.own:
        return ParsedReply(step, step.repairs if isinstance(step, Action | FinalAnswer) else ())
    bare = step.name.removeprefix("tool_")  # a fine-tuned model's token, `<tool_NAME>`, already without its brackets
    if bare in tools.own:
        repairs = tuple(repair for repair in step.repairs if repair != "decorated name")
        return ParsedReply(replace(step, name=bare), repairs)
    meant = None if exact_names else _closest_name(bare, legal)
    if meant is None:
        return ParsedReply(step, step.repairs)
    return ParsedReply(replace(step, name=meant), (*step.repairs, "closest name"))


class _WithTokens(OfferedTools):
    """The tools, which a fine-tuned model may also call by their tokens, `<tool_NAME>`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__({name: {} for name in (*names, *(f"tool_{name}" for name in names))})
        self._names = names
        self.own = frozenset(names)
        """The names without the tokens."""

    @property
    def names(self) -> tuple[str, ...]:
        return self._names


@lru_cache(maxsize=1024)  # the replies of a test share their names
def _with_tokens(names: tuple[str, ...]) -> _WithTokens:
    return _WithTokens(names)


@lru_cache(maxsize=4096)
def _closest_name(name: str, names: tuple[str, ...]) -> str | None:
    return nearest(name, names)
