"""The held-out cases in the forms of other test benches.

Sources, read on 28 November 2026: GEPA's MCP adapter (gepa-ai/gepa, `adapters/mcp_adapter/README.md`); mcpchecker
(mcpchecker/mcpchecker, `docs/reference/task-format.md` and `docs/how-to/use-assertions.md`).
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

    It compares no arguments: whether the call was right is for its judge to tell from the answer.
    """
    files, sets = {}, []
    known = [case for case in cases if case.get("kind", "call") == "call" and case.get("reference")]
    for number, case in enumerate(known, start=1):
        tool = case["gold"]["tool"]
        task = f"{re.sub(r'[^a-z0-9]+', '-', tool.lower()).strip('-')}-{number}"
        spec = {"verify": [{"llmJudge": {"contains": case["reference"]}}], "prompt": {"inline": case["query"]}}
        files[f"{MCPCHECKER}/tasks/{task}.yaml"] = _yaml(
            {"kind": "Task", "apiVersion": _VERSION, "metadata": {"name": task}, "spec": spec}
        )
        used = [{"server": SERVER, "tool": tool}]
        sets.append({"path": f"tasks/{task}.yaml", "assertions": {"toolsUsed": used}})
    if files:
        config = {"mcpConfigFile": "mcp-config.yaml", "taskSets": sets}
        files[f"{MCPCHECKER}/eval.yaml"] = _yaml(
            {"kind": "Eval", "apiVersion": _VERSION, "metadata": {"name": name}, "config": config}
        )
    return files


def _yaml(value: Json) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
