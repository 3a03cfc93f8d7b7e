"""The verdict in a judge's reply."""

import json

import pytest

from ste_graph.contracts import Reply
from ste_graph.distil.votes import explain_votes, is_against, is_for, parse_vote

YES = {"informative": True, "faithful": True, "appropriate": True, "why": "all is well"}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="", data=YES),
        Reply(text=f"Well: {json.dumps(YES)}"),
        Reply(text="Informative: yes\n**faithful**: Yes\n- Appropriate: true. No errors, all is well"),
        Reply(text=json.dumps({**YES, "faithful": "yes"})),
    ],
)
def test_a_verdict_is_read_from_data_json_or_lines(reply: Reply) -> None:
    assert is_for(parse_vote(reply))


def test_a_no_counts_whatever_the_reason_says() -> None:
    vote = parse_vote(Reply(text=json.dumps({**YES, "faithful": False, "why": "it adds a day"})))
    assert is_against(vote)
    assert explain_votes([YES, vote, vote]) == (
        "1 of 3 votes in favour: the answer says something else than the tool gave (it adds a day)"
    )


@pytest.mark.parametrize("text", ["", "No idea.", '{"informative": true}', "Yes and no.", '{"informative": 3}'])
def test_a_reply_without_a_verdict_is_a_vote_for_nothing(text: str) -> None:
    vote = parse_vote(Reply(text=text))
    assert not is_for(vote)
    assert not is_against(vote)
    assert explain_votes([vote]) == f"the judge gave no verdict; it said {text!r}"
