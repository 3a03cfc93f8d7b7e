import pytest

from ste_graph.language.expressions.expression import Expression, ExpressionError


def refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("().__class__", "`.` after a value is not part of expressions"),
        ("call.__class__", "`call.__class__`: names do not start with `_` here"),
        ("_x", "`_x`: names do not start with `_` here"),
        ("'a'.upper", "`.` after a value is not part of expressions"),
        ("[x for x in y]", "a comprehension is not part of expressions"),
        ("any(x for x in y)", "`any(…)` cannot be called here"),
        ("lambda: 1", "a lambda is not part of expressions"),
        ("f'{x}'", "an f-string is not part of expressions"),
        ("9 ** 9", "`**` is not part of expressions"),
        ("1 / 2", "`/` is not part of expressions"),
        ("a @ b", "this operator is not part of expressions"),
        ("~a", "this is not part of expressions"),
        ("open('x')", "`open(…)` cannot be called here"),
        ("a.b(1)", "a call is not part of expressions"),
        ("len(a)(b)", "a call is not part of expressions"),
        ("len(*a)", "`*` before a value is not part of expressions"),
        ("len(obj=a)", "`len` takes one value"),
        ("max(a)", "`max` takes two or more values"),
        ("a[0]", "`[…]` after a value is not part of expressions"),
        ("(a := 1)", "`:=` is not part of expressions"),
        ("1 if a else 2", "`if … else` is not part of expressions"),
        ("{'a': 1}", "`{…}` is not part of expressions"),
        ("(a, b)", "a tuple is not part of expressions"),
        ("[a, 1]", "a list in an expression holds only constants"),
        ("a is 1", "`is` compares only with None"),
        ("1j", "complex is not part of expressions"),
        ("b'x'", "bytes is not part of expressions"),
        ("...", "ellipsis is not part of expressions"),
        ("9223372036854775808", "the number is too large"),
        ("1e999", "the number is too large"),
        ("", "the expression is empty"),
        ("a\nand b", "an expression must be on one line"),
        ("a = 1; b", "`=` is not part of expressions"),
        ("import os", "this is not an expression"),
        ("a b", "this is not an expression"),
        ("a\0b", "this is not an expression"),
    ],
)
def test_illegal_constructs_are_refused_by_name(text: str, message: str) -> None:
    assert refusal(text).message == message


@pytest.mark.parametrize(
    ("text", "suggestion", "marked"),
    [
        ("a && b", "and", "&&"),
        ("a || b", "or", "||"),
        ("!a", "not", "!"),
        ("a = 'x = y'", "==", "="),
        ("x == true", "True", "true"),
        ("x is not null", "None", "null"),
    ],
)
def test_words_of_other_languages_get_ours_suggested(text: str, suggestion: str, marked: str) -> None:
    error = refusal(text)
    assert (error.suggestion, text[error.start : error.end]) == (suggestion, marked)


def test_delimiters_are_not_needed_and_not_allowed() -> None:
    error = refusal("  ${{ call.finished }}")
    assert (error.message, error.start, error.end) == ("an expression has no braces around it", 2, 5)


def test_places_count_characters_not_bytes_and_begin_at_the_text() -> None:
    text = "  'ßüß' == x ** 2"
    error = refusal(text)
    assert text[error.start : error.end] == "x ** 2"


def test_an_expression_has_at_most_400_characters() -> None:
    assert Expression("a" * 400).names == {"a" * 400}
    assert refusal("a" * 401).message == "an expression has at most 400 characters, this one has 401"


def test_an_expression_is_at_most_20_levels_deep() -> None:
    assert Expression("not " * 19 + "a")
    assert refusal("not " * 20 + "a").message == "an expression is at most 20 levels deep"
    assert refusal("(" * 190 + "a" + ")" * 190 + "+" + "-" * 19 + "1").message
