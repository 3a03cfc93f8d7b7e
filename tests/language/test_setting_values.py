from __future__ import annotations

import json

import pytest
from language_bench import Bench, Edit

OPENAI = "models: {m: {use: openai, base_url: http://x, model: y"


def model(settings: str) -> Edit:
    return ("models: {m: {use: simulated", OPENAI + settings)


def test_environment_variables_fill_secrets_and_addresses(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STE_TEST_KEY", "s3cret")
    settings = ", api_key: {env: STE_TEST_KEY}, headers: {a: {env: STE_TEST_KEY}}"
    found = bench.load(model(settings)).workflow.models["m"]
    assert (found.api_key, found.headers) == ("s3cret", {"a": "s3cret"})
    address: Edit = ("base_url: http://x", "base_url: {env: STE_TEST_UNSET, default: http://d}")
    assert bench.load(model(""), address).workflow.models["m"].base_url == "http://d"


def test_an_unset_variable_is_named_in_every_field(bench: Bench) -> None:
    assert bench.problems(model(", api_key: {env: STE_NO_KEY}, headers: {a: {env: STE_NO_HEADER}}")) == [
        "5:72 E504 the environment variable `STE_NO_KEY` is not set | run `export STE_NO_KEY=…` first",
        "5:104 E504 the environment variable `STE_NO_HEADER` is not set | run `export STE_NO_HEADER=…` first",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (", temperature: {env: HOME}", "an environment variable is not allowed here | a plain value"),
        (", api_key: {env: HOME, default: x}", "a secret cannot have a default | `{env: NAME}`"),
        (", api_key: {env: [HOME]}", "`env` must name a variable | `{env: NAME}`"),
    ],
)
def test_a_variable_is_allowed_only_where_the_schema_says_so(bench: Bench, settings: str, message: str) -> None:
    (found,) = bench.problems(model(settings))
    assert found.split(" ", 2)[1:] == ["E503", message]


def test_a_variable_in_params_is_refused(bench: Bench) -> None:
    (found,) = bench.problems(("params: {", "params: {deep: [{env: HOME}], "))
    assert found == "3:17 E503 an environment variable is not allowed here | a plain value"


def test_neither_secrets_nor_addresses_are_in_the_lock(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STE_TEST_KEY", "s3cret")
    settings = ", api_key: plain-secret, headers: {a: {env: STE_TEST_KEY}, b: hidden-too}"
    lock = bench.load(model(settings), ("http://x", "{env: NONE_SUCH, default: http://private}")).workflow.lock
    assert lock["workflow"]["models"]["m"] == {
        "use": "openai",
        "base_url": "(not kept)",
        "model": "y",
        "api_key": "(not kept)",
        "headers": {"a": {"env": "STE_TEST_KEY"}, "b": "(not kept)"},
    }
    assert not any(word in json.dumps(lock) for word in ("s3cret", "plain-secret", "hidden-too", "private"))


def test_a_setting_of_type_path_is_relative_to_the_file(bench: Bench) -> None:
    found = bench.load(("lives: run}", "lives: forever, path: kept}")).workflow.memories["past"].memory
    assert str(found.path) == str(bench.folder / "kept")


def test_a_file_of_tools_that_is_not_there_is_an_error(bench: Bench) -> None:
    bench.write("things.py", "raise SystemExit('tools are not run by a check')")
    edit = ("graph:\n", "tools: [{use: python, module: thing.py}]\ngraph:\n")
    assert bench.problems(edit) == ["14:31 E506 file not found: `thing.py` | things.py?"]
    assert bench.load(edit, ("thing.py", "things.py:one")).workflow.tools


BY = """tools:
  - use: toolbench
    path: described.json
    by:
      - {use: python, module: dates.py, names: {add_date: plus}}
      - {use: openapi, spec: spec.json, base_url: {env: STE_TEST_URL}, auth: {bearer: {env: STE_TEST_KEY}}}
graph:
"""


def test_sources_within_a_source_are_resolved_as_entries_are(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STE_TEST_URL", "http://private")
    monkeypatch.setenv("STE_TEST_KEY", "s3cret")
    bench.write("dates.py", "x = 1\n")
    workflow = bench.load(("graph:\n", BY)).workflow
    python, openapi = workflow.tools[0].by
    assert python["module"] == str(bench.folder / "dates.py")
    assert python["names"] == {"add_date": "plus"}
    assert openapi["spec"] == str(bench.folder / "spec.json")
    assert (openapi["base_url"], openapi["auth"]) == ("http://private", {"bearer": "s3cret"})
    assert "s3cret" in workflow.secrets
    assert workflow.lock["workflow"]["tools"][0]["by"][1] == {
        "use": "openapi",
        "spec": "spec.json",
        "base_url": {"env": "STE_TEST_URL"},
        "auth": {"bearer": {"env": "STE_TEST_KEY"}},
    }
    assert workflow.lock["code"].keys() == {"steps.py", "dates.py"}


def test_problems_in_a_source_within_a_source_have_their_places(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STE_TEST_URL", raising=False)
    assert bench.problems(("graph:\n", BY), ("{bearer: {env: STE_TEST_KEY}}", "{bearer: key}")) == [
        "18:31 E506 file not found: `dates.py` | steps.py?",
        "19:57 E504 the environment variable `STE_TEST_URL` is not set | run `export STE_TEST_URL=…` first",
    ]
    assert bench.problems(
        (
            "graph:\n",
            BY.replace("module: dates.py", "module: {env: HOME}").partition("      - {use: op")[0] + "graph:\n",
        )
    ) == ["18:31 E503 an environment variable is not allowed here | a plain value"]
