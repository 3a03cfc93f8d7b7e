from __future__ import annotations

import pytest

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.source.document import DocumentLoader


def problem(text: str) -> str:
    with pytest.raises(DiagnosticsError) as caught:
        DocumentLoader.parse(text, "w.yaml")
    (found,) = caught.value.diagnostics
    return f"{found.span.line}:{found.span.column} {found.message}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("do:\n  - imagine\n  call\n  - reflect\n", "3:3"),
        ("do:\n  imagine\n  - repeat: trial\n    times: 3\n", "2:3"),
        ("do:\n  imagine\n  - call\n\n  - repeat: trial\n    times: 3\n", "2:3"),
    ],
)
def test_a_missing_dash_is_reported_at_the_line_that_lacks_it(text: str, place: str) -> None:
    line, column = map(int, place.split(":"))
    word = text.splitlines()[line - 1].strip()
    assert problem(text) == f"{line}:{column} missing `- ` before `{word}`"


def test_a_block_below_a_name_lacks_its_dash() -> None:
    text = "do:\n  - imagine\n    repeat: trial\n    times: 2\n"
    assert problem(text) == "3:5 missing `- ` before `repeat: trial`"


def test_a_key_at_the_column_of_the_dashes_lacks_a_dash_or_indentation() -> None:
    text = "do:\n  - repeat: trial\n  times: 2\n"
    assert problem(text) == "3:3 `times: 2` neither begins with `- ` nor is indented below the item before it"


def test_a_dash_needs_a_space() -> None:
    assert problem("do:\n  - imagine\n  -call\n  - reflect\n") == "3:3 missing space after `-`"


def test_a_key_without_a_colon_is_reported_at_its_own_line() -> None:
    assert problem("name tiny\nseed: 1\n") == "1:1 this key has no `:`"
    assert problem("seed: 1\n\nname tiny") == "3:1 this key has no `:`"


def test_an_expression_needs_no_braces() -> None:
    assert problem("until: {{ call.finished }}\n") == "1:9 an expression has no `{{ }}` around it"
