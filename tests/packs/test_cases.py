"""The held-out cases in the forms of other test benches, read as these read them.

GEPA's adapter runs. mcpchecker is a program in Go: `read_task` and `read_evaluation` say in words of our own what its
code requires where it reads (mcpchecker/mcpchecker at 2696124). Compiled on 29 November 2026, that code refused 9 of 47
tasks with answers like `TEXTS` (braces, and `1e3`, `y`, `n` and `0o17` without quotation marks); now it reads all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ste_graph.packs.cases import MCPCHECKER, SERVER, gepa_rows, mcpchecker_files

TEXTS = [
    "12", "It rains.", '{"id": 7, "names": ["a", "b"]}', "1e3", "y", "n", "0o17", "0x1F", "1_000", "12:30", "on", "~",
    "null", "2026-11-28", "a: b", "- x", "# c", "50% of {x}", "${HOME}", "}", "two\nlines", "tab\tx", "\u2028 end", "é",
    "=", "<<", "0b1", "true", '"q"', "!tag", "&a", "*a", "\x07bell", "\ufeffmark", "\U0001f600", "half \ud83d",
]  # fmt: skip


def case(query: str, reference: str | None, tool: str = "area", kind: str = "call") -> dict[str, Any]:
    return {"query": query, "kind": kind, "gold": {"tool": tool, "arguments": {"width": 3}}, "reference": reference}


def read_text(node: yaml.Node) -> str:
    """A text of its own, which no version of YAML may take for something else."""
    assert isinstance(node, yaml.ScalarNode)
    if node.style != '"':
        assert node.value in {"Eval", "Task", "mcpchecker/v1alpha2", "file", SERVER} or node.value.endswith(".yaml")
    return node.value


def read_mapping(node: yaml.Node, **fields: Callable[[yaml.Node], Any]) -> dict[str, Any]:
    """A mapping with just these fields: others it would leave unread without a word."""
    assert isinstance(node, yaml.MappingNode)
    found = {key.value: value for key, value in node.value}
    assert found.keys() == fields.keys()
    return {name: read(found[name]) for name, read in fields.items()}


def read_list(node: yaml.Node, read: Callable[[yaml.Node], Any]) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return [read(each) for each in node.value]


def read_document(text: str, kind: str, **fields: Callable[[yaml.Node], Any]) -> dict[str, Any]:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    named = {"kind": read_text, "apiVersion": read_text, "metadata": lambda own: read_mapping(own, name=read_text)}
    found = read_mapping(node, **named, **fields)
    assert (found["kind"], found["apiVersion"]) == (kind, "mcpchecker/v1alpha2")
    assert found["metadata"]["name"]
    return found


def read_judge(node: yaml.Node) -> str:
    """The answer, a template: `{name}` and `${NAME}` are variables, and no other brace may be in it."""
    found: str = read_mapping(node, contains=read_text)["contains"]
    assert found
    assert not {*"{}"} & {*found}
    return found


def read_task(text: str) -> tuple[str, str]:
    """The prompt of a task and the answer that its judge compares with."""

    def read_step(node: yaml.Node) -> str:
        found: str = read_mapping(node, llmJudge=read_judge)["llmJudge"]
        return found

    def read_spec(node: yaml.Node) -> tuple[str, str]:
        found = read_mapping(
            node, verify=lambda own: read_list(own, read_step), prompt=lambda own: read_mapping(own, inline=read_text)
        )
        assert found["prompt"]["inline"]
        [answer] = found["verify"]
        return found["prompt"]["inline"], answer

    found: tuple[str, str] = read_document(text, "Task", spec=read_spec)["spec"]
    return found


def read_evaluation(text: str, files: Collection[str]) -> dict[str, str]:
    """The tool that must be used, by the path of a task."""

    def read_reference(node: yaml.Node) -> dict[str, str]:
        found = read_mapping(node, type=read_text, path=read_text)
        assert found["type"] == "file"
        return found

    def read_used(node: yaml.Node) -> str:
        def read_tool(own: yaml.Node) -> dict[str, str]:
            return read_mapping(own, server=read_text, tool=read_text)

        [used] = read_mapping(node, toolsUsed=lambda own: read_list(own, read_tool))["toolsUsed"]
        assert used["server"] == SERVER
        return str(used["tool"])

    def read_set(node: yaml.Node) -> tuple[str, str]:
        found = read_mapping(node, path=read_text, assertions=read_used)
        assert found["path"] in files
        return found["path"], found["assertions"]

    def read_config(node: yaml.Node) -> dict[str, str]:
        found = read_mapping(
            node,
            agent=read_reference,
            mcpConfigFile=read_text,
            llmJudge=lambda own: read_mapping(own, ref=read_reference),
            taskSets=lambda own: read_list(own, read_set),
        )
        assert found["llmJudge"]["ref"]["path"], "without a judge every answer passes"
        return dict(found["taskSets"])

    found: dict[str, str] = read_document(text, "Eval", config=read_config)["config"]
    return found


def read_all(files: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The tool, the prompt and the answer of each task."""
    own = {name.removeprefix(f"{MCPCHECKER}/"): text for name, text in files.items()}
    sets = read_evaluation(own.pop("eval.yaml"), own)
    assert sets.keys() == own.keys()
    return [(tool, *read_task(own[path])) for path, tool in sets.items()]


def whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_a_task_of_mcpchecker(text) -> None:
    [(tool, prompt, answer)] = read_all(mcpchecker_files(text, [case(text, text, tool=text)]))
    assert (tool, prompt) == (whole(text), whole(text))
    assert answer == whole(text).replace("{", "(").replace("}", ")")


def test_cases_without_an_answer_or_a_right_call_are_no_tasks() -> None:
    cases = [case("a", "1"), case("b", None), case("c", "  "), case("d", "2", kind="none"), case("e", "3", tool="工具")]
    assert [prompt for _, prompt, _ in read_all(mcpchecker_files("pack", cases))] == ["a", "e"]
    assert mcpchecker_files("pack", cases[1:4]) == {}


SERVER_FILE = Path(__file__).parents[1] / "servers" / "raw.py"
SCRIPT = {
    "listing": [{"tools": [{"name": name, "description": "", "inputSchema": {}} for name in ("area", "upper")]}],
    "answers": {
        name: '{"jsonrpc": "2.0", "id": ID, "result": {"content": [{"type": "text", "text": "' + text + '"}]}}'
        for name, text in {"area": "10", "upper": "NO"}.items()
    },
}


def test_gepa_optimises_on_the_rows_with_its_own_adapter(tmp_path: Path) -> None:
    """The scripted model calls rightly only where it is told to give the width first: a description that GEPA finds."""
    gepa = pytest.importorskip("gepa", reason="the gepa extra is not installed")
    pytest.importorskip("mcp", reason="the mcp extra is not installed")
    from gepa.adapters.mcp_adapter.mcp_adapter import MCPAdapter
    from mcp import StdioServerParameters

    cases = [
        {**case(f"The area of {width} by {height}?", "10"), "gold": {"tool": "area", "arguments": arguments}}
        for width, height in ((2, 5), (5, 2))
        for arguments in [{"width": width, "height": height}]
    ]
    file = tmp_path / "gepa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in gepa_rows([*cases, case("Hi", None, kind="none")])))
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len(rows) == 2
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT), "utf-8")
    by_query = {row["user_query"]: row for row in rows}

    def answer(messages: list[dict[str, str]]) -> str:
        row = by_query[messages[1]["content"]]
        if len(messages) > 2:
            return messages[2]["content"].rpartition(" ")[2]  # what the tool gave
        tool = row["additional_context"]["tool"] if "Give the width first." in messages[0]["content"] else "upper"
        return json.dumps({"action": "call_tool", "tool": tool, "arguments": row["tool_arguments"]})

    adapter = MCPAdapter(
        tool_names=["area", "upper"],
        task_model=answer,
        metric_fn=lambda row, output: float(row["reference_answer"] == output),
        server_params=StdioServerParameters(
            command=sys.executable, args=[str(SERVER_FILE), str(tmp_path / "script.json")]
        ),
    )
    found = gepa.optimize(
        seed_candidate={"tool_description": "It works."},
        trainset=rows,
        valset=rows,
        adapter=adapter,
        reflection_lm=lambda prompt: "```\nGive the width first.\n```",
        max_metric_calls=10,
        reflection_minibatch_size=1,
        display_progress_bar=False,
    )
    assert found.val_aggregate_scores[0] == 0
    assert found.best_candidate == {"tool_description": "Give the width first."}
    assert found.val_aggregate_scores[found.best_idx] == 1
