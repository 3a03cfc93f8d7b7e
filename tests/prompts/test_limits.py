"""Templates that nobody means: each is told at its place, and none takes long."""

import time

import pytest

from ste_graph.prompts.prompt import Prompt, PromptError

DOUBLE = "{% set x = 'xxxxxxxx' %}"
TEN = "{% set l = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] %}"
MANY = "the template takes more than 1,000,000 steps"


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("{% for i in [1] %}" * 21 + "x" + "{% endfor %}" * 21, 4, "the template is nested too deeply"),
        ("{% if a %}" + "{% elif a %}" * 3000 + "{% endif %}", 1, "the template is nested too deeply"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", 1, "the template is nested too deeply"),
        ("{{ 1" + " and 1" * 10000 + " }}", 1, "the template is nested too deeply"),
        ("{{ 0x" + "f" * 5000 + " }}", 4, "the number is too large"),
        ("{{ a }}{{ " + "9" * 5000 + " }}", 11, "the number is too large"),
        ("{{ 1e999 }}", 4, "the number is too large"),
        ("{% for loop in [1] %}{% endfor %}", 8, "can't assign to special loop variable in for-loop target"),
        ("{{ a | join(separator='', separator='') }}", 8, "keyword argument repeated: separator"),
        ("".join(f"{{{{ a{number} }}}}" for number in range(8000)), 1, "the prompt reads more than 500 names"),
    ],
)
def test_what_parses_but_does_not_compile_is_a_fault_of_the_template(text: str, column: int, message: str) -> None:
    (fault,) = Prompt("\n" + text, "p.md").diagnostics
    assert (fault.code, fault.message) == ("E130", message)
    assert fault.span.line == 2 or message == "the template is nested too deeply"
    assert fault.span.column == column
    with pytest.raises(PromptError):
        Prompt(text).render({"a": 1})


@pytest.mark.parametrize(
    "text",
    [
        "{{ a" + ".b" * 300 + " }}",
        "{{" * 16000,
        "{%" * 16000,
        "{#" * 16000,
        "{{\n" * 16000,
        "{{ '" * 8000,
        "}}" * 16000,
        "{{ a | no }}" * 4000,
    ],
)
def test_no_template_takes_long_to_read(text: str) -> None:
    began = time.process_time()
    assert len(Prompt(text).diagnostics) <= 20
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DOUBLE + "{% set x = x ~ x %}" * 31, "a text or list is longer than 4,194,304"),
        (DOUBLE + "{% set x = x + x %}" * 31, "a text or list is longer than 4,194,304"),
        ("{% set x = [1] %}" + "{% set x = x + x %}" * 31, MANY),
        (DOUBLE + "{% set x = x | replace('x', x) %}" * 9, "a text or list is longer than 4,194,304"),
        (DOUBLE + "{{ x | indent(999999999) }}", "the width of `indent` is larger than 1000"),
        (TEN + "{% for a in l %}" * 12 + "{% endfor %}" * 12, MANY),
        (
            TEN + "{% for a in l %}" * 7 + "x" * 99 + "{% endfor %}" * 7,
            "the text is longer than 4,194,304 characters",
        ),
    ],
)
def test_a_template_that_would_not_end_is_stopped(text: str, message: str) -> None:
    with pytest.raises(PromptError) as caught:
        Prompt("\n" + text, "p.md").render({})
    assert caught.value.message == message


NESTED = "{% set x = [1] %}" + "{% set x = [x, x] %}" * 40
TUPLES = "{% set x = (1, 1) %}" + "{% set x = (x, x) %}" * 40
LONG = DOUBLE + "{% set x = x ~ x %}" * 13


@pytest.mark.parametrize(
    "text",
    [
        NESTED + "{{ x }}",
        NESTED + "{{ x | json }}",
        NESTED + "{{ x | length }}",
        NESTED + "{{ 'a' ~ x }}",
        NESTED + NESTED.replace("x", "y") + "{{ 1 if x == y else 2 }}",
        NESTED + "{{ 1 if 1 in x else 2 }}",
        NESTED + "{{ 1 if x is eq(x) else 2 }}",
        NESTED + "{{ [x, x] | sort }}",
        "{% set x = {'a': 1} %}" + "{% set x = {'a': x, 'b': x} %}" * 40 + "{{ x }}",
        TUPLES + "{{ {x: 1} }}",
        TUPLES + "{% set d = {1: 2} %}{{ d[x] }}",
        LONG + TEN + "{% for a in l %}" * 5 + "{{ x | upper | length }}" + "{% endfor %}" * 5,
        LONG + TEN + "{% for a in l %}" * 5 + "{{ x[1:] | length }}" + "{% endfor %}" * 5,
        LONG + TEN + "{% for a in l %}" * 5 + "{% if x == 'a' ~ x %}{% endif %}" + "{% endfor %}" * 5,
        "{% set s = '" + "\\n" * 4000 + "' %}{% set l = [" + "s, " * 1000 + "] %}{{ l | map('indent', 999) | list }}",
        TEN + "{% set l = l + l + l + l + l + l + l + l + l + l %}" * 5 + "{{ (l + l) | length }}",
    ],
    ids=lambda text: text[-40:],
)
def test_work_without_loops_is_counted_too(text: str) -> None:
    began = time.process_time()
    with pytest.raises(PromptError, match="the template takes more than 1,000,000 steps"):
        Prompt(text).render({})
    assert time.process_time() - began < 2


def test_what_is_nested_too_deeply_to_be_printed_is_a_fault_of_the_template() -> None:
    with pytest.raises(PromptError, match="this value is nested too deeply to be printed"):
        Prompt("{% set x = [1] %}" + "{% set x = [x] %}" * 4000 + "{{ x }}").render({})


def test_ordinary_texts_and_lists_are_far_from_the_limits() -> None:
    tools = [{"name": f"tool_{n}", "parameters": {"properties": {str(k): {} for k in range(20)}}} for n in range(500)]
    text = "{% for t in tools %}{{ t.name | upper }}: {{ t.parameters | json }}\n{% endfor %}{{ page }}{{ page }}"
    assert len(Prompt(text).render({"tools": tools, "page": "word " * 200_000}).text) > 2_000_000


def test_loops_know_their_items_as_ever() -> None:
    text = (
        "{% for i in [1, 2] %}{{ loop.length }}{{ loop.last }} {% endfor %}{% for i in [] %}{% else %}none{% endfor %}"
    )
    assert Prompt(text).render({}).text == "2false 2true none"
