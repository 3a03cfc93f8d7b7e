from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import ste_graph.workflows
from ste_graph.cli.schema import reference_text, schema_text
from ste_graph.language.source.document import DocumentLoader

WORKFLOWS = Path(ste_graph.workflows.__file__).parent
PAPER = DocumentLoader.read(WORKFLOWS / "paper.yaml").to_plain()


@pytest.fixture(scope="module")
def language():
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_is_printed_or_written(ste, tmp_path):
    assert ste("schema").out == schema_text() + "\n"
    assert ste("schema", "--out", tmp_path / "schema.json").out == ""
    assert (tmp_path / "schema.json").read_text() == schema_text() + "\n"


def test_the_shipped_schema_is_current():
    shipped = (WORKFLOWS / "schema.json").read_text("utf-8")
    assert shipped == schema_text() + "\n", "run: ste schema --out workflows/schema.json"


@pytest.mark.parametrize("file", sorted(WORKFLOWS.glob("**/*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_workflow_is_legal(language, file):
    assert list(language.iter_errors(DocumentLoader.read(file).to_plain())) == []


def test_every_shipped_workflow_names_the_schema_for_editors():
    for file in WORKFLOWS.glob("**/*.yaml"):
        assert file.read_text("utf-8").startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"dsl": 3},
        {"name": "two words"},
        {"memories": {}},
        {"params": {"two words": 1}},
        {"graph": []},
        {"graph": [{"repeat": "turn", "times": 2}]},
        {"graph": [{"repeat": "turn", "tims": 2, "do": ["call"]}]},
        {"graph": [{"repeat": "turn", "do": ["call"]}]},
        {"graph": [{"repeat": "turn", "while": "not call.finished", "do": ["call"]}]},
        {"graph": [{"repeat": "turn", "until": "call.finished", "do": ["call"]}]},
        {"graph": [{"repeat": "turn", "times": 2, "at_most": 3, "do": ["call"]}]},
        {"graph": [{"repeat": "turn", "times": 2, "until": "call.finished", "do": ["call"]}]},
        {"graph": [{"repeat": "turn", "while": "a.b", "until": "call.finished", "at_most": 2, "do": ["call"]}]},
        {"graph": [{"map": "tool", "over": "tools", "do": [{"map": "case", "over": "tool.cases", "do": ["call"]}]}]},
        {"models": {"explorer": {"use": "opnai"}}},
        {"models": {"explorer": {"use": "simulated", "mistakes": 2}}},
        {"models": {"explorer": {"like": "main", "temperature": "hot"}}},
        {"models": {"explorer": {"like": "main", "use": "simulated"}}},
        {"models": {"explorer": {"like": 3}}},
        {"tools": [{"use": "python"}]},
        {"memory": {"long_term": {"use": "chroma"}}},
        {"memory": {"long_term": {"use": "chroma", "lives": "tool", "recall": {"diverse": 0}}}},
        {"memory": {"long_term": "none"}},
        {"nodes": {"imagine": {"use": "imagine", "model": "explorer", "prompt": "a.md", "sea": []}}},
        {"budget": {"model_calls": -1}},
        {"variants": {"small": 3}},
    ],
)
def test_the_schema_refuses_what_the_language_refuses(language, wrong):
    assert not language.is_valid({**PAPER, **wrong})


@pytest.mark.parametrize(
    "right",
    [
        {"memory": {"long_term": "off"}},
        {"graph": [{"repeat": "turn", "until": "call.finished", "at_most": "params.turns", "do": ["call"]}]},
        {
            "graph": [
                {"map": "tool", "over": "tools", "do": [{"map": "c", "over": "tool.c", "at_most": 2, "do": ["call"]}]}
            ]
        },
        {
            "memory": {
                "long_term": {"use": "chroma", "lives": "tool", "recall": {"nearest": 3, "like": "imagine.query"}}
            }
        },
        {"nodes": {"reflect": {"use": "own.StrictReflect", "anything": 1}}},
        {"models": {"explorer": {"use": "openai", "model": "m", "base_url": {"env": "URL", "default": "http://x"}}}},
        {"models": {"explorer": {"use": "openai", "model": {"env": "NAME"}, "base_url": "http://x"}}},
        {"models": {"explorer": {"like": "main", "temperature": 0.5, "api_key": {"env": "KEY"}, "of_a_plugin": 1}}},
        {"budget": {"tokens": None}},
    ],
)
def test_the_schema_accepts_what_the_language_accepts(language, right):
    assert list(language.iter_errors({**PAPER, **right})) == []


@pytest.mark.parametrize(
    ("wrong", "place", "message"),
    [
        ({"models": {"m": {"use": "opnai"}}}, "models.m.use", "'opnai' is not one of ['langchain', "),
        ({"models": {"m": {"use": "simulated", "mistake": 1}}}, "models.m", "('mistake' was unexpected)"),
        ({"models": {"m": {}}}, "models.m", "'use' is a required property"),
        ({"tools": [{"use": "python"}]}, "tools.0", "'module' is a required property"),
        ({"nodes": {"call": {"use": "call", "model": "m"}}}, "nodes.call", "'prompt' is a required property"),
        (
            {"nodes": {"call": {"use": "novelty", "memory": "m", "k": -1}}},
            "nodes.call.k",
            "-1 is less than the minimum",
        ),
        ({"nodes": {"call": "of"}}, "nodes.call", "'off' was expected"),
        ({"memory": {"m": {"use": "list", "of": "trial", "lifes": "tool"}}}, "memory.m", "('lifes' was unexpected)"),
        ({"graph": [{"repeat": "t", "do": ["call"]}]}, "graph.0", "'times' is a required property"),
        ({"graph": [{"repeat": "t", "while": "a.b", "do": ["call"]}]}, "graph.0", "'at_most' is a required property"),
        ({"graph": [{"repeat": "t", "until": "a.b", "do": ["call"]}]}, "graph.0", "'at_most' is a required property"),
        (
            {"graph": [{"repeat": "t", "times": 2, "do": [{"map": "m", "over": "a.b", "do": ["call"]}]}]},
            "graph.0.do.0",
            "'at_most' is a required property",
        ),
        ({"graph": [{"when": "a.b", "do": ["call"], "esle": []}]}, "graph.0", "('esle' was unexpected)"),
        ({"graph": [{"rep": "t"}]}, "graph.0", "('rep' was unexpected)"),
    ],
)
def test_one_mistake_is_one_error_at_its_place_that_says_what_is_expected(language, wrong, place, message):
    errors = [error for error in language.iter_errors({**PAPER, **wrong}) if not error.context]
    assert [".".join(map(str, error.absolute_path)) for error in errors if message in error.message] == [place]
    if "lifes" not in str(wrong):  # a memory without `lives` is a second mistake
        assert len(errors) == 1, errors


def test_a_file_that_extends_another_may_leave_out_keys_of_its_base(language):
    assert language.is_valid({"extends": "paper.yaml", "params": {"turns": 2}})
    assert not language.is_valid({"params": {"turns": 2}})


def keys_without_text(schema, at=""):
    """The keys of mappings that an editor has nothing to say about."""
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            if isinstance(value, dict) and not value.get("description", "").strip():
                yield f"{at}/{key}"
        for key, value in schema.items():
            if key != "if":  # a condition shows nothing
                yield from keys_without_text(value, f"{at}/{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from keys_without_text(value, f"{at}/{number}")


def test_every_key_has_a_text_for_who_points_at_it():
    assert list(keys_without_text(json.loads(schema_text()))) == []


def test_the_text_of_a_setting_is_what_its_class_says_below_it(language):
    recall = language.schema["$defs"]["nodes.recall"]["properties"]
    assert recall["per_tool"]["description"] == "At most so many of one tool.", "inherited"
    assert recall["memory"]["description"] == "The memory that the node reads, by its name in `memory`."
    assert recall["use"]["description"] == language.schema["$defs"]["nodes.recall"]["description"]
    key = language.schema["$defs"]["models.openai"]["properties"]["api_key"]
    assert key["description"] == "The key; unset: OPENAI_API_KEY, else a placeholder.", "a description goes first"


REFERENCE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_shipped_reference_is_current():
    wanted = reference_text() + "\n"
    assert REFERENCE.read_text("utf-8") == wanted, "run: ste schema --format markdown --out docs/settings.md"


def test_the_reference_has_every_key_once_with_what_it_takes(ste):
    page = ste("schema", "--format", "markdown").out
    assert (
        "| `over` | an expression | *required* | The list: `tools`, `data.NAME`, a parameter, or an output of a node. |"
        in page
    )
    order = "| `order` | `most_similar_last`, `most_similar_first` | `most_similar_last` |"
    assert f"{order} The place of the most similar exemplar. |" in page
    assert "| `parser` | `paper`, `tolerant` | `tolerant` |" in page, "the choices of a type of its own too"
    recall = page.partition("### `recall`\n")[2].partition("\n### ")[0]
    assert "| `memory` | text | *required* |" in recall
    assert "`transcript`" not in recall, "the keys of every node stand once, above"
    for line in page.splitlines():
        if line.startswith("| `"):
            assert line.count("|") - line.count(r"\|") == 5, line
            assert not line.endswith("|  |"), f"without a text: {line}"


PLUGIN = '''
from ste_graph.node import Node, NodeOutputs

print("imported")


class Shorten(Node):
    """Shorten the request."""

    words: int = 5
    """The most words."""

    class Outputs(NodeOutputs):
        query: str
'''


def test_the_schema_of_a_file_knows_its_plugins_and_no_others(ste, tmp_path):
    (tmp_path / "own.py").write_text(PLUGIN)
    base = "dsl: 2\nname: mine\nplugins: [own.py]\nnodes: {short: {use: own.Shorten, words: 3}}\ngraph: [short]\n"
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\n")
    result = ste("schema", tmp_path / "mine.yaml")
    assert result.code == 0
    schema = json.loads(result.out)
    assert schema["$defs"]["nodes.own.Shorten"]["properties"]["words"]["description"] == "The most words."
    checker = jsonschema.Draft202012Validator(schema)
    right = DocumentLoader.read(tmp_path / "base.yaml").to_plain()
    assert checker.is_valid(right)
    for wrong in ({"use": "own.Shorten", "word": 3}, {"use": "own.Shortn"}, {"use": "other.Shorten"}):
        assert not checker.is_valid({**right, "nodes": {"short": wrong}}), wrong
    assert "### `own.Shorten`" in ste("schema", tmp_path / "mine.yaml", "--format", "markdown").out


def test_a_plugin_that_cannot_be_imported_is_a_problem_with_its_place(ste, tmp_path):
    (tmp_path / "mine.yaml").write_text("dsl: 2\nname: mine\nplugins: [nothing.py]\ngraph: [a]\n")
    result = ste("schema", tmp_path / "mine.yaml")
    assert (result.code, result.out) == (2, "")
    assert "mine.yaml:3:11: error[E501] plugin not found: `nothing.py`" in result.err
