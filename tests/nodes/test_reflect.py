import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.nodes.reflect import Reflect
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.yes_no import parse_yes_no


@pytest.mark.parametrize(
    ("reply", "solved"),
    [
        ("Yes", True),
        ("yes.", True),
        ("YES!", True),
        ("**Yes**", True),
        ('"Yes"', True),
        ("Yes. Nothing was missing.", True),
        ("Yes, no errors occurred.", True),
        ("Yes it was, although the first call was not right.", True),
        ("So, yes, it was.", True),
        ("Answer: Yes", True),
        ("The date was found.\n\nYes", True),
        ("No errors occurred. Yes.", True),
        ("No", False),
        ("**No**", False),
        ("no!", False),
        ("No, the tool failed.", False),
        ("No - the tool failed.", False),
        ("No \u2014 the tool failed.", False),
        ("No (the tool failed)", False),
        ("No it was not.", False),
        ("No\nThe tool failed.", False),
        ("Verdict: **No**.", False),
        ("Oh, no.", False),
        ("Not sure", None),
        ("Nothing", None),
        ("None", None),
        ("Now it is.", None),
        ("No errors occurred.", None),
        ("No one answered.", None),
        ("There were no errors.", None),
        ("I know nothing of it.", None),
        ("Yesterday it was.", None),
        ("Yes and no.", None),
        ("Yes or no?", None),
        ('"Yes" or "No".', None),
        ("Yes/No", None),
        ("Yes. No.", None),
        ("No. On second thought: yes.", None),
        ("The request was fulfilled.", None),
        ("", None),
    ],
)
def test_a_verdict_is_a_word_and_not_a_substring(reply: str, solved: bool | None) -> None:
    assert parse_yes_no(reply) is solved


@given(st.text() | st.lists(st.sampled_from(["yes", "no", ".", " ", ",", "\n", "and", "*"])).map("".join))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert parse_yes_no(text) in (True, False, None)


async def test_reflect_asks_once_and_gives_the_verdict(context, model) -> None:
    ctx = context("Yes.")
    result = await Reflect(model=model, prompt=Prompt("Well?"))(Reflect.Inputs(query="When?"), ctx)
    assert result.model_dump() == {"solved": True}
    assert ctx.asked == [{"prompt": "Well?", "stop": [], "schema": None}]
