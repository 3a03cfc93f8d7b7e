"""The held-out cases in the forms of other test benches.

Sources: GEPA's MCP adapter (gepa 0.1.4, `gepa.adapters.mcp_adapter.mcp_adapter.MCPDataInst`), and the code with which
mcpchecker reads an evaluation and its tasks (mcpchecker/mcpchecker at 2696124: `pkg/eval/config.go`,
`pkg/task/config.go`, `pkg/steps/llm_judge.go`; genmcp/gen-mcp at 789a9b3: `pkg/template/template.go`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from ste_graph.contracts import Json

GEPA: Final = "gepa.jsonl"
MCPCHECKER: Final = "mcpchecker"
_VERSION = "mcpchecker/v1alpha2"
SERVER: Final = "tools"
"""The name of the MCP server in mcpchecker's files; to be set to one's own."""

_HEAD = f"""\
# An evaluation for mcpchecker. Copy this folder out of the pack, put these files of yours next to eval.yaml, and run
# `mcpchecker check eval.yaml`:
#   mcp-config.yaml  your MCP server, under the name `{SERVER}`
#   agent.yaml       the agent to test
#   judge.yaml       the agent that compares its answers with those in the tasks
"""

_BRACES = str.maketrans("{}", "()")


class _Quoted(str):
    """A text from outside: YAML of another version may read a plain `1e3` or `y` as something else than a text."""


class _Dumper(yaml.SafeDumper):
    """Writes texts from outside in quotation marks, with `?` for each half of a character, which no YAML can hold."""

    def represent_quoted(self, text: str) -> yaml.ScalarNode:
        whole = text.encode("utf-8", "replace").decode("utf-8")
        return self.represent_scalar("tag:yaml.org,2002:str", whole, style='"')


_Dumper.add_representer(_Quoted, _Dumper.represent_quoted)


def gepa_rows(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Json]]:
    """The cases that ask for a call, as GEPA's MCP adapter reads them; the tool's name is in `additional_context`."""
    return [
        {
            "user_query": case["query"],
            "tool_arguments": case["gold"]["arguments"],
            "reference_answer": case.get("reference"),
            "additional_context": {"tool": case["gold"]["tool"]},
        }
        for case in cases
        if case.get("kind", "call") == "call"
    ]


def mcpchecker_files(name: str, cases: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The files of an evaluation by mcpchecker: a task for each case with a known answer, and that its tool is called.

    It compares no arguments: whether the call was right is for its judge to tell from the answer. That is a template
    there, which knows no escape, so that parentheses stand for its braces.
    """
    files, sets = {}, []
    known = [case for case in cases if case.get("kind", "call") == "call" and (case.get("reference") or "").strip()]
    for number, case in enumerate(known, start=1):
        tool = case["gold"]["tool"]
        task = f"{re.sub(r'[^a-z0-9]+', '-', tool.lower()).strip('-') or 'tool'}-{number}"
        answer = _Quoted(case["reference"].translate(_BRACES))
        spec = {"verify": [{"llmJudge": {"contains": answer}}], "prompt": {"inline": _Quoted(case["query"])}}
        files[f"{MCPCHECKER}/tasks/{task}.yaml"] = _yaml("Task", task, {"spec": spec})
        used = [{"server": SERVER, "tool": _Quoted(tool)}]
        sets.append({"path": f"tasks/{task}.yaml", "assertions": {"toolsUsed": used}})
    if files:
        # Without a judge, every answer would pass: a file that is not there fails the evaluation instead.
        config = {
            "agent": {"type": "file", "path": "agent.yaml"},
            "mcpConfigFile": "mcp-config.yaml",
            "llmJudge": {"ref": {"type": "file", "path": "judge.yaml"}},
            "taskSets": sets,
        }
        files[f"{MCPCHECKER}/eval.yaml"] = _HEAD + _yaml("Eval", name, {"config": config})
    return files


def _yaml(kind: str, name: str, content: Mapping[str, Json]) -> str:
    value = {"kind": kind, "apiVersion": _VERSION, "metadata": {"name": _Quoted(name)}, **content}
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
