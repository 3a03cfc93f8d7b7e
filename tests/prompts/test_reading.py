import pytest

from ste_graph.prompts.reading import TemplateReading, read_template


def reading(text: str) -> TemplateReading:
    return read_template(text, "p.md")


def faults(text: str) -> list[str]:
    return [fault.message for fault in reading(text).diagnostics]


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("{{ a.b.c }} {{ a['d'].e }} {{ a[0].f }} {{ g[h.i] }}", {"a.b.c", "a.d.e", "a", "g", "h.i"}),
        ("{% for x in a.b %}{{ x.c }}{{ loop.index }}{% else %}{{ x.d }}{{ loop.e }}{% endfor %}{{ x }}",
         {"a.b", "x.d", "loop.e", "x"}),
        ("{% for x, y in a %}{{ x }}{{ y }}{{ z }}{% endfor %}", {"a", "z"}),
        ("{% for x in a if x.b and c.d %}{% endfor %}", {"a", "c.d"}),
        ("{{ x.a }}{% set x = y.b %}{{ x.c }}", {"x.a", "y.b"}),
        ("{% if a.b %}{% set x = 1 %}{% endif %}{{ x }}", {"a.b", "x"}),
        ("{% if a %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}", {"a"}),
        ("{% if a %}{% elif b.c %}{{ d }}{% endif %}", {"a", "b.c", "d"}),
        ("{% for x in a %}{% set y = x %}{{ y }}{% endfor %}{{ y }}", {"a", "y"}),
        ("{% once %}{% set x = a %}{{ x }}{% endonce %}{{ x }}", {"a", "x"}),
        ("{{ a | join(b.c) if d is divisibleby(e) else f }}", {"a", "b.c", "d", "e", "f"}),
        ("{{ a ~ b + c - d == e }} {{ not f and g in h }} {{ [i, {'j': k}] }} {{ m[n:2] }}", set("abcdefghikmn")),
        ("a.b {# {{ c.d }} #} {% raw %}{{ e.f }}{% endraw %}", set()),
    ],
)  # fmt: skip
def test_names_that_are_read_from_outside(text: str, reads: set[str]) -> None:
    assert faults(text) == []
    assert set(reading(text).name_spans) == reads


def test_places_are_those_of_code_not_of_prose() -> None:
    text = "tool.name is {{ x }} not\r\n  {# tool.name #} {{- tool . name }}\n{{ tool['text'] }}"
    assert reading(text).name_spans == {"x": (1, 17, 1), "tool.name": (2, 23, 11), "tool.text": (3, 4, 10)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ a() }}", "a prompt cannot call anything"),
        ("{{ a.b.upper() }}", "a prompt cannot call anything"),
        ("{{ range(9) }}", "a prompt cannot call anything"),
        ("{{ ''.join() }}", "a prompt cannot call anything"),
        ("{{ a.__class__ }}", "`__class__`: names in prompts cannot start with `_`"),
        ("{{ _a }}", "`_a`: names in prompts cannot start with `_`"),
        ("{{ ('x' | upper)._y }}", "`_y`: names in prompts cannot start with `_`"),
        ("{% include 'x' %}", "`{% include %}` is not part of prompts"),
        ("{% extends 'x' %}", "`{% extends %}` is not part of prompts"),
        ("{% import 'x' as y %}", "`{% import %}` is not part of prompts"),
        ("{% from 'x' import y %}", "`{% import %}` is not part of prompts"),
        ("{% macro m() %}{% endmacro %}", "`{% macro %}` is not part of prompts"),
        ("{% block b %}{% endblock %}", "`{% block %}` is not part of prompts"),
        ("{% with a = 1 %}{% endwith %}", "`{% with %}` is not part of prompts"),
        ("{% set x %}y{% endset %}", "`{% set name = value %}` with a block is not part of prompts"),
        ("{% filter upper %}x{% endfilter %}", "`{% filter %}` is not part of prompts"),
        ("{% set a.b = 1 %}", "`set` needs a plain name, without a dot"),
        ("{% for x in y recursive %}{% endfor %}", "`recursive` is not part of prompts"),
        ("{{ 9 ** 9 }}", "`**` is not part of prompts"),
        ("{{ 'x' * 9 }}", "`*` is not part of prompts"),
        ("{{ '%9d' % 1 }}", "`%` is not part of prompts"),
        ("{{ a | attr('b') }}", "unknown filter `attr`"),
        ("{{ a is sameas b }}", "unknown test `sameas`"),
        ("{% foo %}", "unknown block `{% foo %}`"),
        ("{% if %}", "missing expression before `%}`"),
        ("{% once %}", "`{% once %}` is never closed"),
        ("{{ a", "`{{` is never closed"),
        ("{{ " + "(" * 200 + "a" + ")" * 200 + "(" * 99 + " }}", "the template is nested too deeply"),
        ("{{ " + "not " * 60 + "a }}", "the template is nested too deeply"),
    ],
)  # fmt: skip
def test_jinja_that_is_not_part_of_prompts_is_refused(text: str, message: str) -> None:
    assert message in faults(text)


def test_all_faults_are_found_at_their_places() -> None:
    (call, name) = reading("x\n  {{ tool.name.upper() }}\n{{ a | tojson }}").diagnostics
    assert (
        str(call)
        == """\
p.md:2:6: error[E130] a prompt cannot call anything
    2 |   {{ tool.name.upper() }}
      |      ^^^^^^^^^^^^^^^^
   help: use a filter, as in `{{ items | join(', ') }}`"""
    )
    assert (name.span.line, name.span.column, name.span.length, name.suggestion) == (3, 8, 6, "json")


def test_names_that_a_condition_looks_at_are_known() -> None:
    text = "{% if a.b is not none and c %}{{ a.b }}{% elif d.e > 1 %}{% endif %}{{ f | default(1) }}{{ h }}{{ 1 if i }}"
    assert reading(text).tested_names == {"a.b", "c", "d.e", "f", "i"}


def test_only_a_template_with_once_has_it() -> None:
    assert reading("{% once %}x{% endonce %}").has_once
    assert not reading("once").has_once


@pytest.mark.parametrize(
    ("text", "place", "message", "expected"),
    [
        ("x\n  {{ a b }}", (2, 8, 1), "unexpected `b`", "`}}`"),
        ("{{ b }} {{ a b }}", (1, 14, 1), "unexpected `b`", "`}}`"),
        ("a {{ b", (1, 3, 2), "`{{` is never closed", "`}}`"),
        ("a\n {% if x %}\n{% for y in z %}{% endfor %}\n", (2, 2, 10), "`{% if %}` is never closed", "`{% endif %}`"),
        ("{% for x in a %}\n{% if b %}\n{% endfor %}", (3, 4, 6), "unexpected `{% endfor %}`", "`{% endif %}` first"),
        ("x\n{% endif %}", (2, 4, 5), "unexpected `{% endif %}`", "a block that is open here"),
        (
            "{% fro x in a %}",
            (1, 4, 3),
            "unknown block `{% fro %}`",
            "one of: for, if, once, set, raw, system, user, assistant",
        ),
        ("{% if a = b %}{% endif %}", (1, 9, 1), "unexpected `=`", "`%}`"),
        ("{{ a | }}", (1, 8, 1), "unexpected `}}`", "a name"),
        ("é\r\n{{ (a }}", (2, 7, 1), "unexpected `}`", "`)`"),
        ("{{ a $ b }}", (1, 6, 1), "unexpected `$`", None),
        ("{{ 'abc }}", (1, 4, 1), "unclosed quote", None),
        ("a {# b", (1, 3, 1), "`{#` is never closed", "`#}`"),
        ("{% set x %}", (1, 1, 11), "`{% set %}` is never closed", "`{% endset %}`"),
    ],
)
def test_a_slip_in_the_syntax_has_its_exact_place(
    text: str, place: tuple[int, int, int], message: str, expected: str | None
) -> None:
    (found,) = reading(text).diagnostics
    assert (found.span.line, found.span.column, found.span.length) == place
    assert (found.message, found.expected) == (message, expected)
