"""Runs with replies, made by a workflow of two lines, and evaluations of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.cli import main

REPLYING = """
dsl: 2
name: replying
data: {rows: {use: rows, path: rows.jsonl}}
graph:
  - map: row
    over: data.rows
    do:
      - record: reply
        as:
          arm: row.arm
          query: row.query
          n: row.n
          kind: row.kind
          gold: row.gold
          output: row.output
          subject: row.subject
          model: row.model
          cost: row.cost
          shown_tokens: row.shown_tokens
"""

TOOLS = [f"tool_{letter}" for letter in "ABCDEFGH"]
OF_X: dict[str, Any] = {"kind": "forms", "forms": {"exemplars": {"run_id": "run-x", "run": "runs/x"}}}


def call(tool: str, **arguments: object) -> str:
    return f"Action: {tool}\nAction Input: {json.dumps(arguments)}"


def row(arm: str, tool: str, number: int, output: str | None, **more: Any) -> dict[str, Any]:
    """A reply to request `number` of a tool, whose gold call says so."""
    gold = {"tool": tool, "arguments": {"n": number}}
    query = f"{tool} {number}"
    given = {"arm": arm, "query": query, "gold": gold, "output": output, "subject": None, "model": "m"}
    known = {"n": 0, "kind": "call", "cost": None, "shown_tokens": 0}
    return {"id": f"{arm} {query} {more.get('n', 0)}", **given, **known, **more}


def rows(arm: str, right: Mapping[str, int], of: int = 4, **more: Any) -> list[dict[str, Any]]:
    """So many right replies of each tool; the others have a wrong number."""
    return [
        row(arm, tool, n, call(tool, n=n if n < count else "no number"), **more)
        for tool, count in right.items()
        for n in range(of)
    ]


def counts(*right: int) -> dict[str, int]:
    """So many right replies of the first tool, the second, …"""
    return dict(zip(TOOLS, right, strict=False))


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """The folder of a run with these replies."""

    def make(*lists: list[dict[str, Any]], name: str = "icl") -> Path:
        folder = tmp_path / f"making-{name}"
        folder.mkdir()
        (folder / "replying.yaml").write_text(REPLYING, "utf-8")
        lines = "".join(json.dumps(item) + "\n" for own in lists for item in own)
        (folder / "rows.jsonl").write_text(lines, "utf-8")
        ste.load(folder / "replying.yaml").run(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def evaluated(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The `evaluation` record of a run of evaluate.yaml; further settings by path, `.` written as `__`."""

    def run(*runs: Path, out: str = "evaluation", variant: str | None = None, **settings: Any) -> dict[str, Any]:
        changes = {path.replace("__", "."): value for path, value in settings.items()}
        replies = {"data.replies.runs": [str(item) for item in runs]} if runs else {}
        ste.load("evaluate", variant=variant, set={**replies, **changes}).run(tmp_path / out)
        return next(line for line in ste.open_run(tmp_path / out).records() if line["record"] == "evaluation")

    return run


@pytest.fixture
def run_ste(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*given: object) -> tuple[int, str, str]:
        code = main([str(word) for word in given])
        return (code, *capsys.readouterr())

    return run
