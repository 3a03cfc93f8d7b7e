"""No path of a machine, no address of a network and no secret goes out, and what everybody may see does."""

from __future__ import annotations

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.packs.check import check_pack
from ste_graph.packs.content import drop_leaks
from ste_graph.packs.leaks import LeakFinder
from ste_graph.packs.pack import ToolDefinition
from ste_graph.packs.sources import short_label
from tests.packs.conftest import weather

FINDER = LeakFinder(
    environment=[("SHOP_API_KEY", "pear-orchard-77"), ("LANG", "en_GB.UTF-8")], folders=["/data/ada/project"]
)

LEAKS = {
    "read /home/ada/notes.txt": "path",
    "C:\\Users\\ada\\notes.txt": "path",
    "~/secrets.txt": "path",
    "/Users/ada": "path",
    "in /data/ada/project/run": "path",
    "http://localhost:8000/v1": "address",
    "http://10.0.0.7/x": "address",
    "https://wiki.corp/x": "address",
    "http://intranet/x": "address",
    "https://ada:pw@example.com": "address",
    "postgres://db.example.com/shop": "address",
    "127.0.0.1:6333": "address",
    "the key is pear-orchard-77": "secret",
    "cGVhci1vcmNoYXJkLTc3": "secret",
    "sk-proj-abcdefghijklmnopqrstuvwx": "secret",
    "-----BEGIN RSA PRIVATE KEY-----": "secret",
    "Authorization: Bearer 8f14e45fceea167a5a36dedd4bea2543": "secret",
}
HARMLESS = [
    "Europe/Berlin", "2024/01/02 and 3/4", "GET /pets/{id} or /api/v1/users", "https://example.com/docs?x=1",
    "m/s and km/h", "either/or", "^\\d{4}-\\d{2}$", "$.books[0].title",
    "Basic instructions for everybody who reads this",
    "12:30 and 1:2:3", "version 1.2.3.4", "a\\nb", "en_GB.UTF-8", "task-list of sk-ill",
]  # fmt: skip


@pytest.mark.parametrize("text", LEAKS)
def test_a_leak_is_found(text) -> None:
    assert LEAKS[text] in [leak.kind for leak in FINDER.find(text)]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_everybody_may_see_is_no_leak(text) -> None:
    assert FINDER.find(text) == []


def test_a_secret_is_never_repeated_in_what_is_said_about_it() -> None:
    assert "pear-orchard" not in str(FINDER.find("pear-orchard-77"))


def test_exemplars_lessons_and_cases_with_a_leak_are_left_out_and_counted(data) -> None:
    data.exemplars[0]["calls"][0]["arguments"]["place"] = "/home/ada"
    data.exemplars[1]["answer"] = "pear-orchard-77"
    data.cases[0]["query"] = "See http://localhost:8000."
    data.lessons[0]["right"] = '"/tmp/x"'
    kept, left_out = drop_leaks(data, FINDER, [])
    assert [len(kept.exemplars), len(kept.lessons), len(kept.cases)] == [2, 0, 1]
    assert left_out.lines == [
        "1 case left out: an address of a network",
        "1 exemplar left out: a path of a machine",
        "1 exemplar left out: a secret",
        "1 lesson left out: a path of a machine",
    ]


def test_paths_and_addresses_may_be_let_in_and_secrets_may_not(data) -> None:
    data.exemplars[0]["calls"][0]["arguments"]["place"] = "/home/ada"
    data.exemplars[1]["answer"] = "pear-orchard-77"
    data.cases[0]["query"] = "See http://localhost:8000."
    kept, _ = drop_leaks(data, FINDER, ["paths", "addresses"])
    assert [len(kept.exemplars), len(kept.cases)] == [3, 2]


def test_a_definition_with_a_leak_is_refused_and_the_way_out_named(data) -> None:
    data.definitions["weather"] = ToolDefinition.of(weather(description="Reads /home/ada/weather.txt"))
    with pytest.raises(WorkflowError, match=r"the definition of the tool `weather` holds .*--keep paths"):
        drop_leaks(data, FINDER, [])
    drop_leaks(data, FINDER, ["paths"])


def test_a_check_finds_in_a_whole_pack_what_must_not_be_there(make_pack, data) -> None:
    data.exemplars[0]["calls"][0]["observation"]["text"] = "Saved to /home/ada/x and sent to http://10.0.0.7/x."
    pack = make_pack(data=data)
    found = check_pack(pack.path, FINDER)
    assert found.next_step is not None
    way = "make it again without what must not go out: ste pack make RUN --force --out"
    assert found.next_step.startswith(way)
    assert found.problems == (
        "exemplars.jsonl holds an address of a network (http://10.0.0.7/x)",
        "exemplars.jsonl holds a path of a machine (/home/ada/x)",
    )
    allowed = make_pack("open", data=data, keeps=("addresses", "paths"))
    assert (check_pack(allowed.path, FINDER).problems, check_pack(allowed.path, FINDER).next_step) == ((), None)


def test_a_check_passes_a_pack_without_any(pack) -> None:
    assert check_pack(pack.path).problems == ()


def test_what_redact_names_is_secret_whatever_it_is_called() -> None:
    finder = LeakFinder(environment=[("HOUSE", "9 Elm Street")], folders=[], named=["HOUSE"])
    assert [leak.shown for leak in finder.find("Sent to 9 Elm Street.")] == ["the value of the variable HOUSE"]
    assert LeakFinder(environment=[("HOUSE", "9 Elm Street")], folders=[]).find("Sent to 9 Elm Street.") == []


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("/home/ada/models/qwen3/", "qwen3"),
        ("C:\\models\\qwen3", "qwen3"),
        ("Qwen/Qwen3-4B", "Qwen/Qwen3-4B"),
        ("simulated", "simulated"),
    ],
)
def test_a_model_that_is_served_by_its_folder_is_known_by_the_folders_name(label, short) -> None:
    assert short_label(label) == short


def test_a_secret_may_be_longer_than_any_file_name() -> None:
    finder = LeakFinder(environment=[("MY_TOKEN", "x1" * 3000), ("KEY_FILE", "/etc/hostname")], folders=[])
    assert [leak.kind for leak in finder.find("so: " + "x1" * 3000)] == ["secret"]
    assert finder.find("named hostname") == []
