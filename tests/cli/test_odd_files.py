"""Files that never end, and names that no file can have, on the command line."""

import os

import pytest

LONG = "a" * 300


@pytest.fixture
def pipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", LONG])
@pytest.mark.parametrize(
    "command",
    [
        ("check", "FILE"),
        ("show", "FILE"),
        ("export", "FILE"),
        ("score", "FILE", "--gold", "FILE"),
        ("memory", "search", "rain", "--from", "FILE"),
        ("memory", "import", "FILE", "--into", "store"),
        ("tools", "list", "FILE"),
    ],
    ids=" ".join,
)
def test_an_odd_file_is_named_and_nothing_waits_for_it(ste, pipe, command, name):
    result = ste(*[word.replace("FILE", name) for word in command])
    assert result.code == 2
    assert name in result.err
    assert "unexpected" not in result.err


def test_what_is_no_address_of_a_store_is_said(ste):
    result = ste("memory", "search", "rain", "--from", "http://127.0.0.1:8-21")
    assert result.code == 2
    assert result.err.startswith("http://127.0.0.1:8-21: not a web address: its port is not a number")
