import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ste_graph.redaction import COOKIE_SAFE, Redactor, find_secrets
from ste_graph.settings import Address, Secret

KEY = 't0p s3cret/"ü"'


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        json.dumps(json.dumps({"a": [KEY]})),
        json.dumps(KEY, ensure_ascii=False),
        quote(KEY),
        json.dumps(KEY)[1:-1],
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        quote(KEY, safe=COOKIE_SAFE),
        KEY.encode().decode("latin-1"),
        json.dumps(KEY.encode().decode("latin-1")),
        base64.b64encode(KEY.encode()).decode(),
        f"Bearer {KEY}, again {KEY}",
    ],
)
def test_a_secret_is_struck_out_however_it_is_written(written):
    assert "s3cret" not in Redactor([KEY]).redact(f"x {written} y")
    assert Redactor([KEY]).redact(f"x {KEY} y") == "x *** y"


def test_plain_data_is_cleaned_inside_and_all_else_stays():
    assert Redactor([KEY]).redact_data({"a": [1, None, f"={KEY}"], KEY: {"b": (True, KEY)}}) == {
        "a": [1, None, "=***"],
        "***": {"b": [True, "***"]},
    }


def test_a_number_that_is_a_secret_or_holds_one_is_struck_out_of_plain_data():
    assert Redactor(["271828", "3.25"]).redact_data([271828, 12718289, 3.25, 4, True]) == [
        "***",
        "1***9",
        "***",
        4,
        True,
    ]


def test_a_secret_takes_no_more_characters_than_the_redactor_says():
    longest = Redactor([KEY, "k"]).longest
    for written in (json.dumps(KEY.encode().decode("latin-1")), quote(KEY, safe=""), json.dumps(json.dumps(KEY))):
        assert len(KEY) < len(written) <= longest
    assert Redactor().longest == 0


def test_of_two_secrets_the_longer_goes_first_and_a_short_one_only_where_it_is_a_word():
    assert Redactor(["abcd", "abcdef"]).redact("abcdef abcd") == "*** ***"
    assert Redactor(["on"]).redact("on a lesson") == "*** a lesson"


def test_without_secrets_nothing_changes():
    value = {"a": "b"}
    assert Redactor().redact_data(value) is value
    assert Redactor(["", "  "]).redact("a  b") == "a  b"


@given(st.text(min_size=4).filter(str.strip), st.text(), st.text())
def test_no_text_keeps_a_secret(secret, before, after):
    if secret.strip("*"):
        assert secret not in Redactor([secret]).redact(before + secret + after) or secret in "***"


class Auth(BaseModel):
    token: Secret
    user: str


class Source(BaseModel):
    url: Address
    key: Secret = ""
    headers: dict[str, Secret] = {}
    auth: Auth | None = None
    name: str = "plain"


def test_the_secrets_of_settings_are_their_secret_fields_and_the_passwords_in_addresses():
    source = Source(
        url="https://me:pw-in-url@example.org/v1",
        key="k-1",
        headers={"X-Key": "k-2", "Authorization": "Bearer k-4", "Accept": "text/html"},
        auth=Auth(token="k-3", user="me"),
    )
    assert find_secrets(source) == {"pw-in-url", "k-1", "k-2", "k-3", "Bearer k-4", "k-4"}
    assert find_secrets(Source(url="http://localhost")) == set()
