"""The released code's parser, against the labels that the paper's own notebook gave to 1,500 replies."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.protocols import paper, react
from ste_graph.protocols.next_step import Action, FinalAnswer, Malformed

DATA = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste" / "predictions"


def predictions(model: str) -> list[dict]:
    file = DATA / f"{model}.json"
    if not file.exists():
        pytest.skip(f"{file} is not there; set STE_DATA to the folder that holds `ste/predictions`")
    return [item for items in json.loads(file.read_text("utf-8")).values() for item in items]


@pytest.mark.parametrize(("model", "tokens"), [("llama-7Bf", False), ("mistral_FT", True)])
def test_every_cached_label_of_the_paper_is_reproduced(model: str, tokens: bool) -> None:
    items = predictions(model)
    names = sorted({item["action"] for item in items})
    assert (len(items), len(names)) == (750, 50)
    for item in items:
        read = paper.parse(item["model_output"], tools=names, closest=True, tokens=tokens)
        assert isinstance(read, Malformed) == bool(int(item["err"])), item["model_output"]
        assert isinstance(read, FinalAnswer) == bool(int(item["no_call"])), item["model_output"]
        if isinstance(read, Action):
            assert (read.name == item["action"]) == bool(int(item["api_match"])), item["model_output"]


@pytest.mark.parametrize(("model", "papers", "ours"), [("llama-7Bf", 259, 661), ("mistral_FT", 743, 743)])
def test_the_tolerant_parser_reads_what_the_papers_parser_refuses_and_nothing_less(
    model: str, papers: int, ours: int
) -> None:
    replies = [item["model_output"] for item in predictions(model)]
    read_by_paper = [reply for reply in replies if isinstance(paper.parse(reply), Action)]
    read_by_us = [reply for reply in replies if isinstance(react.parse(reply), Action)]
    assert (len(read_by_paper), len(read_by_us)) == (papers, ours)
    assert set(read_by_paper) <= set(read_by_us)
    for reply in read_by_paper:
        assert react.parse(reply).arguments == paper.parse(reply).arguments  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ('Thought: a\nAction: look\nAction Input: {"a": 1}', Action("Thought: a", "look", {"a": 1})),
        ('Action: look\nAction Input: {"a": 1}\\n', Action("", "look", {"a": 1})),
        ('Action: look\nAction Input: {{"a": 1}}', Action("", "look", {"a": 1})),
        ('Action: look\nAction Input: so {"a": 1} it is', Action("", "look", {"a": 1})),
        ("a Final Answer: b Final Answer: c", FinalAnswer("a", "b")),
        ("Action: look\nAction Input: {}\nFinal Answer: b", Action("", "look", {})),
        ("Action: look\nFinal Answer: b", FinalAnswer("Action: look", "b")),
    ],
)
def test_what_the_released_code_reads(reply: str, read: Action | FinalAnswer) -> None:
    assert paper.parse(reply) == read


@pytest.mark.parametrize(
    "reply",
    [
        "hello",
        'Action: look\nAction Input: {"a": 1,}',
        'Action: look\nAction Input: {"a": {"b": 1}}',
        'Action: look\nAction Input: {"a": 1}\nObservation: {"b": 2}',
        "Action: look\nAction Input: {}\nAction: look\nAction Input: {}",
        "I take an Action: as follows. Action: look\nAction Input: {}",
        "Action: look\nAction Input: ",
        "Action Input: {}",
    ],
)
def test_what_the_released_code_refuses(reply: str) -> None:
    assert isinstance(paper.parse(reply), Malformed)


def test_names_are_checked_where_that_is_asked_for() -> None:
    reply = "Action: look\nAction Input: {}"
    assert paper.parse(reply, tools=["see", "hear"]) == Malformed(
        "", "After `Action:` write the name of one of the tools: hear, see."
    )
    assert paper.parse(reply, tools=["cook", "hear"], closest=True) == Action("", "cook", {})
    assert paper.parse(reply, tools=["look"]) == Action("", "look", {})


@given(st.text() | st.lists(st.sampled_from(["Action:", "Action Input:", "Final Answer:", "{", "}", " "])).map("".join))
def test_no_text_raises(text: str) -> None:
    assert paper.parse(text)
