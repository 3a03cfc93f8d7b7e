import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.student.tokenizer import build_tokenizer, frequent_phrases, templates

CITIES = ("Rome", "Oslo", "Lima", "Cairo")
ROWS = [
    TrainingRow(
        prompt=f"User Query: Book a flight from {start} to {end}, please.\n",
        completion=f"Action: book_flight\nAction Input: {json.dumps({'start': start, 'end': end})}",
    )
    for start in CITIES
    for end in CITIES
]
TOKENIZER = build_tokenizer(ROWS)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_is_lost(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids, clean_up_tokenization_spaces=False) == text


def test_the_chat_template_joins_the_texts_unchanged() -> None:
    messages = [{"role": "user", "content": "a \n"}, {"role": "assistant", "content": " {{b}}"}]
    assert TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == "a \n {{b}}"


def test_words_around_values_are_one_token_and_values_are_spelt_alike_in_request_and_call() -> None:
    assert TOKENIZER.tokenize(' from Rome to 42"Rome"') == [
        "Ġfrom", "Ġ", "R", "o", "m", "e", "Ġto", "Ġ", "4", "2", '"', "R", "o", "m", "e", '"',
    ]  # fmt: skip


def test_frequent_phrases_are_one_token_and_end_where_a_value_begins() -> None:
    assert TOKENIZER.tokenize(ROWS[1].prompt + ROWS[1].completion) == [
        "UserĠQuery:ĠBookĠaĠflightĠfrom", "Ġ", "R", "o", "m", "e", "Ġto", "Ġ", "O", "s", "l", "o", ",Ġplease.Ċ",
        'Action:Ġbook_flightĊActionĠInput:Ġ{"start":Ġ"', "R", "o", "m", "e", '",Ġ"end":Ġ"', "O", "s", "l", "o", '"}',
    ]  # fmt: skip


def test_a_phrase_is_not_matched_within_a_word() -> None:
    tokenizer = build_tokenizer([TrainingRow(prompt="go to", completion="so it is")] * 9)
    assert tokenizer.tokenize("ago together") == [*"ago", *"Ġtogether"]


def test_digits_and_single_spaces_are_never_joined() -> None:
    assert frequent_phrases({("a", " b", " ", "c", "1", "d"): 9}, 5, min_count=1) == [("a", " b")]


@pytest.mark.parametrize("city", CITIES)
def test_no_value_becomes_a_token(city: str) -> None:
    assert not {city, f"Ġ{city}"} & TOKENIZER.get_vocab().keys()


def test_a_frequent_word_inside_values_is_one_token_and_the_first_word_of_a_value_is_spelt_out() -> None:
    texts = ["cold blue lake", "warm blue lake", "deep blue sea"]
    rows = [
        TrainingRow(
            prompt=f'User Query: Count "{text}", please.\n',
            completion=f"Action: count\nAction Input: {json.dumps({'text': text})}",
        )
        for text in texts * 3
    ]
    tokenizer = build_tokenizer(rows)
    inner = ["Ġblue", "Ġlake"]
    assert tokenizer.tokenize('"cold blue lake"') == ['"', *"cold", *inner, '"']


def test_only_whole_words_are_cut_out_of_a_row() -> None:
    row = TrainingRow(prompt="Spend the next pence in en.", completion='Action: say\nAction Input: {"language": "en"}')
    assert list(templates([row])) == [
        "Spend the next pence in ",
        ".",
        'Action: say\nAction Input: {"language": "',
        '"}',
    ]


def test_a_rare_word_is_spelt_out() -> None:
    assert TOKENIZER.tokenize(" seldom") == ["Ġ", *"seldom"]
