import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ste_graph.redaction import Redactor, address_secrets, find_secrets, secret_parts
from ste_graph.settings import Address, Secret
from ste_graph.tools.openapi.service import COOKIE_SAFE
from tests.planted import FORMS, SECRETS, find_planted

KEY = 't0p s3cret/"ü"'


ODD = [KEY, "k3y!", "\\\\host\\\u00fcser\\uid", "pa%ss&amp;w<o>rd'"]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_struck_out_in_every_form(form):
    for secret in [*SECRETS.values(), *ODD]:
        written = form(secret)
        assert find_planted(f"x {written} y", {"it": secret}), "the scan does not see it"
        assert not find_planted(Redactor([secret]).redact(f"x {written} y"), {"it": secret})
        assert Redactor([secret]).redact(f"x {secret} y") == "x *** y"


@pytest.mark.parametrize("safe", ["/", "", COOKIE_SAFE])
def test_a_secret_of_other_letters_is_struck_out_too(safe):
    written = [KEY, json.dumps(KEY), json.dumps(KEY.encode().decode("latin-1")), quote(KEY, safe=safe)]
    assert "s3cret" not in Redactor([KEY]).redact(f"x {written} y")
    password = "\u043f\u0430\u0440\u043e\u043b\u044c"
    assert Redactor([password]).redact(json.dumps(password.upper() + "!")) == '"***!"'


@pytest.mark.parametrize(
    ("before", "after", "clean"),
    [(0, 0, "***"), (1, 2, "y***ZGU="), (2, 1, "yM***Q="), (3, 2, "yMnK***kZQ=="), (5, 4, "yMnKy8***RlZmc=")],
)
def test_base64_is_struck_out_with_the_characters_that_hold_bits_of_it_and_no_others(before, after, clean):
    data = bytes(range(200, 200 + before)) + b"sesame-0pen" + bytes(range(100, 100 + after))
    assert Redactor(["sesame-0pen"]).redact(base64.b64encode(data).decode()) == clean
    other = base64.b64encode(b"sesame-0pex").decode()
    assert Redactor(["sesame-0pen"]).redact(other) == other


@pytest.mark.parametrize("sign", ["\\", "%25", "%", "&amp;", "&#", "c2V", "736", '"', "sesame"])
def test_no_text_takes_long(sign):
    redactor = Redactor([*SECRETS.values(), '"' * 9, "\\" * 9])
    began = time.process_time()
    redactor.redact(sign * (200_000 // len(sign)))
    redactor.redact(SECRETS["STE_PLANTED_PATH"] + sign * (50_000 // len(sign)))
    assert time.process_time() - began < 2


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
    assert find_secrets(source) == {"pw-in-url", "me:pw-in-url", "k-1", "k-2", "k-3", "Bearer k-4", "k-4"}
    assert find_secrets(Source(url="http://localhost")) == set()


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("http://bob:p%40ss@host/v1", {"p%40ss", "bob:p%40ss", "p@ss", "bob:p@ss"}),
        ("https://tok%2Ben@host", {"tok%2Ben", "tok%2Ben:", "tok+en", "tok+en:"}),
        ("postgres://postgres@localhost/db", set()),
        ("https://host/v1?api_key=a%20b&page=2", {"a b"}),
        ("http://[", set()),
        ("plain", set()),
    ],
)
def test_an_address_may_hold_secrets(address, secrets):
    assert set(address_secrets(address)) == secrets


def test_what_a_basic_header_stands_for_is_secret_too():
    token = base64.b64encode(b"bob:sesame").decode()
    assert set(secret_parts(f"Basic {token}")) == {f"Basic {token}", token, "bob:sesame", "sesame"}
    assert set(secret_parts("Basic no-base64")) == {"Basic no-base64", "no-base64"}
