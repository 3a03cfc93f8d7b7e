import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from ste_graph.prompts.prompt import Prompt, PromptError

IMAGINE = """\
# A request for {{ tool.name }}

{% once %}
Tried so far:
{% for trial in long_term.entries %}
{{ loop.index }}. {{ trial.query }}{{ "" if trial.solved else " (unsolved)" }}
{% endfor %}
{% endonce %}
{% if short_term.empty %}
Begin.
{% else %}
Go on.
{% endif %}

User Query:
"""
TOOL = {"name": "weather", "parameters": {"type": "object", "title": "größe"}}


def render(text: str, **values: Any) -> str:
    return Prompt(text).render(values).text


def test_once_parts_are_shown_but_not_kept() -> None:
    entries = [{"query": "Rain in Oslo?", "solved": True}, {"query": "Snow?", "solved": False}]
    values = {"tool": TOOL, "long_term": {"entries": entries}, "short_term": {"empty": True}}
    rendered = Prompt(IMAGINE).render(values)
    assert (
        rendered.text
        == """\
# A request for weather

Tried so far:
1. Rain in Oslo?
2. Snow? (unsolved)
Begin.

User Query:"""
    )
    assert (
        rendered.transcript_text
        == """\
# A request for weather

Begin.

User Query:"""
    )


def test_a_prompt_knows_what_it_reads_and_where() -> None:
    prompt = Prompt(IMAGINE, "prompts/imagine.md")
    assert prompt.diagnostics == ()
    assert prompt.names == {"tool.name", "long_term.entries", "short_term.empty"}
    assert prompt.name_spans == {
        "tool.name": (1, 20, 9),
        "long_term.entries": (5, 17, 17),
        "short_term.empty": (9, 7, 16),
    }
    assert prompt.tested_names == {"short_term.empty"}


def test_values_are_data_and_never_templates() -> None:
    evil = "{{ 7 * 7 }}{% for x in y %}{# #}"
    assert render("{{ call.answer }}|{{ call.answer | upper }}", call={"answer": evil}) == f"{evil}|{evil.upper()}"


def test_null_prints_as_nothing_and_structures_as_json_on_one_line() -> None:
    values = {"a": None, "b": True, "c": [1, None], "d": {"é": "x\ny"}, "e": 1.5}
    assert render("[{{ a }}] {{ b }} {{ c }} {{ d }} {{ e }}", **values) == '[] true [1, null] {"é": "x\\ny"} 1.5'
    assert render("{{ tool.parameters | json }}", tool=TOOL) == '{"type": "object", "title": "größe"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ a.items }} {{ a['keys'] }}", "1 2"),
        ("{{ missing.x | default('none yet') if missing else 'no' }}", "no"),
        ("{{ nothing | default('none yet') }}{{ a.nope | default(3) }}", "none yet3"),
        ("{{ names | join(', ') }}|{{ records | join('+', attribute='n') }}", "x, , true|1+2"),
        ("{{ records | map(attribute='n') | list }} {{ records | map(attribute='n') }}", "[1, 2] [1, 2]"),
        ("{{ records | selectattr('n', 'gt', 1) | list | length }} {{ (records | first).n }}", "1 1"),
        ("{{ 'a long line' | truncate(6) }} {{ 2.345 | round(1) }} {{ 'x' | indent }}", "a... 2.3 x"),
        ("{% for n in [1, 2] if n > 1 %}{{ loop.first }}{{ n }}{% else %}none{% endfor %}", "true2"),
        ("{% set x = a.items + 1 %}{{ x ~ '!' }}", "2!"),
        ("{% raw %}{{ untouched }}{% endraw %}", "{{ untouched }}"),
        ("{{ 'b' in names }} {{ nothing is none }} {{ names[0] }} {{ names[-1] }}", "false true x true"),
    ],
)
def test_the_legal_jinja(text: str, message: str) -> None:
    values = {"a": {"items": 1, "keys": 2}, "nothing": None, "missing": None, "names": ["x", None, True]}
    assert render(text, **values, records=[{"n": 1}, {"n": 2}]) == message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("\n{{ call.answer }}", 2, "unknown name `answer`; known: action, text"),
        ("{% for x in 'ab' %}\n\n{{ call.none.kind }}{% endfor %}", 3, "unknown name `none`; known: action, text"),
        ("{{ call.action.kind }}", 1, "`kind` is read from a value that is null"),
        ("{{ call.text.upper }}", 1, "`upper` is read from a value that is str"),
        ("a\n{{ nope }}", 2, "'nope' is undefined"),
        ("{{ call.text + 1 }}", 1, 'can only concatenate str (not "int") to str'),
        ("{% for x in 'ab' %}{{ loop }}{% endfor %}", 1, "this value is not plain data and cannot be printed"),
        ("{% for x in 'ab' %}{{ loop.cycle }}{% endfor %}", 1, "`loop` has no `cycle`"),
        ("{{ call.text | map('attr', 'x') | list }}", 1, "No filter named 'attr'."),
    ],
)  # fmt: skip
def test_a_fault_in_rendering_is_a_prompt_error_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(PromptError) as caught:
        Prompt(text, "prompts/x.md").render({"call": {"action": None, "text": "x"}})
    assert str(caught.value) == f"prompts/x.md:{line}: {message}"
    assert (caught.value.path, caught.value.line, caught.value.message) == ("prompts/x.md", line, message)


def test_a_faulty_template_cannot_be_rendered() -> None:
    with pytest.raises(PromptError, match=r"p\.md:2: a prompt cannot call anything"):
        Prompt("\n{{ a() }}", "p.md").render({"a": 1})


def test_a_prompt_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "call.md").write_text("Größe: {{ x }}\n", "utf-8")
    prompt = Prompt.read(tmp_path / "call.md")
    assert prompt.path == "call.md"
    assert prompt.render({"x": 1}).text == "Größe: 1"


def test_a_prompt_is_a_value() -> None:
    prompt = Prompt("{{ a }}", "p.md")
    prompt.render({"a": 1})
    assert {prompt, Prompt("{{ a }}", "p.md"), pickle.loads(pickle.dumps(prompt))} == {prompt}
    assert prompt != Prompt("{{ a }}")
    assert repr(prompt) == "Prompt('{{ a }}', 'p.md')"
    with pytest.raises(AttributeError, match="a prompt is immutable: `text`"):
        prompt.text = "x"


def test_a_prompt_can_be_a_field_of_a_pydantic_model() -> None:
    class Node(BaseModel):
        model_config = ConfigDict(frozen=True)
        prompt: Prompt

    assert Node(prompt=Prompt("x")).prompt == Prompt("x")
    assert Node.model_json_schema()["properties"]["prompt"]["type"] == "string"
    with pytest.raises(ValidationError, match="instance of Prompt"):
        Node.model_validate({"prompt": "x"})


pieces = st.sampled_from([
    "{{", "}}", "{%", "%}", "{#", "#}", " ", "a", ".b", "._c", "['d']", "(", ")", "[0]", "|upper", "|join(',')", "if ",
    "endif", "for x in ", "endfor", "set y=", "once", "endonce", "'t'", "1", "+", "-", "**", " is none", "not ", "loop",
    "\n", "include 'x'", "macro m()", "raw", "endraw", "else", " and ", "==", "~", ":", ",", "{", "}", "\r\n",
])  # fmt: skip
data = st.none() | st.text("{%}ab") | st.lists(st.integers())


@settings(deadline=None)
@given(st.lists(pieces, max_size=14).map("".join), st.dictionaries(st.sampled_from("ab"), data))
def test_any_text_is_a_prompt_or_a_prompt_error_with_places_inside_it(text: str, values: dict[str, Any]) -> None:
    prompt = Prompt(text)
    lines = text.replace("\r\n", "\n").count("\n") + 1
    error = None
    try:
        prompt.render(values)
    except PromptError as raised:
        error = raised
    assert error is None or 1 <= error.line <= lines
    assert all(1 <= line <= lines and column >= 1 for line, column, _ in prompt.name_spans.values())
    assert all(1 <= fault.span.line <= lines for fault in prompt.diagnostics)
