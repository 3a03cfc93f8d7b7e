"""A prompt: Markdown with Jinja in it, sandboxed; the names that it reads are known before it is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jinja2 import Template, TemplateError, TemplateRuntimeError

from ste_graph.contracts import Json
from ste_graph.diagnostics import Diagnostic, display_path
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import read_regular_text
from ste_graph.prompts.compilation import STEPS
from ste_graph.prompts.reading import TemplateReading, read_template
from ste_graph.prompts.template import KEEPING, MOST_CHARACTERS, ChatTurn, prompt_environment
from ste_graph.prompts.turns import ChatMessage
from ste_graph.prompts.work import StepCounter

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


MOST_BYTES: Final = 256 * 1024
"""The size of the largest prompt; no model reads more."""
SEPARATOR: Final = "\n\n"
"""The separator of the texts of two turns in a row that have the same role."""


class PromptError(WorkflowError):
    """A prompt that cannot be rendered; `line` counts from 1."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(path, line, message)
        self.path = path
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class RenderedPrompt(NamedTuple):
    """A rendered prompt: the turns that come before the conversation, and the one that goes on with it."""

    text: str
    """The user's message at the end."""
    transcript_text: str
    """The same for the transcript, without the `once` parts."""
    leading: tuple[ChatMessage, ...] = ()
    """The system message, if any, and worked examples as turns of a chat: shown each time, never kept."""


class Prompt:
    """A template, equal to another with the same text and path; `path` is the file as it is shown to people.

    Null prints as nothing, lists and objects print as JSON on one line. The rendered text is stripped. A template with
    `{% system %}`, `{% user %}` and `{% assistant %}` blocks renders to messages; turns without text are left out.
    """

    def __init__(self, text: str, path: str = "<text>") -> None:
        self.__dict__.update(text=text, path=path)

    text: str
    path: str

    @classmethod
    def read(cls, file: Path) -> Prompt:
        """The prompt in a file of at most `MOST_BYTES`. Raises `OSError` or `UnicodeDecodeError`."""
        return cls(read_regular_text(file, MOST_BYTES, "utf-8-sig"), display_path(file))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All faults of the template itself, whatever the values."""
        return self._reading.diagnostics

    @property
    def names(self) -> frozenset[str]:
        """The dotted names that the prompt reads from outside: `imagine.query`, `short_term.empty`."""
        return frozenset(self.name_spans)

    @cached_property
    def roots(self) -> Mapping[str, tuple[str, ...]]:
        """Per root of `names`: the fields that the prompt reads of it."""
        found: dict[str, tuple[str, ...]] = {}
        for name in sorted(self.names):
            root, *rest = name.split(".")
            found[root] = (*found.get(root, ()), *rest[:1])
        return found

    @property
    def name_spans(self) -> Mapping[str, tuple[int, int, int]]:
        """The first place of each of `names`: line and column from 1, and length."""
        return self._reading.name_spans

    @property
    def tested_names(self) -> frozenset[str]:
        """The names that a condition or `default` looks at, and which may therefore be null."""
        return self._reading.tested_names & self.names

    def render(self, values: Mapping[str, Json]) -> RenderedPrompt:
        """The text for these values, plain data by root name (`{"imagine": {"query": …}}`).

        Raises `PromptError` for a faulty template or a missing value.
        """
        if self.diagnostics:
            first = self.diagnostics[0]
            raise PromptError(self.path, first.span.line, first.message)
        *leading, last = self._render(values, keeping=False)
        kept = self._render(values, keeping=True)[-1] if self._reading.has_once else last
        return RenderedPrompt(last["content"], kept["content"], tuple(leading))

    def _render(self, values: Mapping[str, Json], *, keeping: bool) -> list[ChatMessage]:
        """The messages, of which the last is the user's."""
        try:
            text = self._render_text({**values, KEEPING: keeping, STEPS: StepCounter()})
        except Exception as error:  # whatever goes wrong inside a template is the template's or a value's fault
            line = _line(error.__traceback__, self._template)
            message = error.message if isinstance(error, TemplateError) and error.message else str(error)
            raise PromptError(self.path, line, message) from None
        if not self._reading.turns:
            return [{"role": "user", "content": text.strip()}]
        messages = self._split_turns(text)
        if not messages or messages[-1]["role"] != "user":
            line = self._reading.turns[-1].line
            raise PromptError(self.path, line, "for these values the last turn with text is not the user's")
        return messages

    def _render_text(self, values: Mapping[str, Any]) -> str:
        """The text with the marks of turns. Raises whatever goes wrong, and an error of Jinja's if it never ends."""
        parts, length = [], 0
        for part in self._template.generate(values):
            length += len(part)
            if length > MOST_CHARACTERS:
                raise TemplateRuntimeError(f"the text is longer than {MOST_CHARACTERS:,} characters")
            parts.append(part)
        return "".join(parts)

    @staticmethod
    def _split_turns(text: str) -> list[ChatMessage]:
        """The messages of a text with marks of turns: stripped, without empty ones, those of the system first.

        Turns in a row that have the same role become one, since many chat templates refuse them.
        """
        parts = text.split(ChatTurn.boundary)
        turns = [(role, text.strip()) for role, text in zip(parts[1::2], parts[2::2], strict=True) if role != "end"]
        messages: list[ChatMessage] = []
        for role, content in sorted((turn for turn in turns if turn[1]), key=lambda turn: turn[0] != "system"):
            if messages and messages[-1]["role"] == role:
                content = f"{messages.pop()['content']}{SEPARATOR}{content}"
            messages.append({"role": role, "content": content})
        return messages

    @cached_property
    def _reading(self) -> TemplateReading:
        return read_template(self.text, self.path)

    @cached_property
    def _template(self) -> Template:
        return self._reading.template or prompt_environment().from_string("")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a prompt is immutable: `{name}` cannot be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompt) and (self.text, self.path) == (other.text, other.path)

    def __hash__(self) -> int:
        return hash((self.text, self.path))

    def __repr__(self) -> str:
        return f"Prompt({self.text!r}, {self.path!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Prompt, (self.text, self.path)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Json]:
        return {"type": "string", "description": "A Markdown file with Jinja in it, relative to this file."}


def _line(trace: TracebackType | None, template: Template) -> int:
    """The line of the template that raised an error."""
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
