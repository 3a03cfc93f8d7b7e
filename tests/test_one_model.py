"""One variable, or one change, points every model of a shipped workflow to another server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ste_graph
from ste_graph.contracts import ModelRequest
from ste_graph.simulated.model import SimulatedModel
from tests.servers.chat import Answer, ChatServer, Proceed, Request

ROOT = Path(__file__).parents[1]
TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def upper(text: str) -> str:
    """A text in capitals.

    Args:
        text: The text.
    """
    return text.upper()
'''
ROLES = ("explorer", "actor", "judge", "writer", "author", "learner")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STE_MODEL_URL", "STE_MODEL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_tools.py").write_text(TOOLS, "utf-8")


def answer_by_policy(request: Request, proceed: Proceed) -> Answer:
    """The simulated policy behind HTTP: exploring, judging and tests come to an end as they do without a server."""
    if not request.is_chat:
        return proceed(request)
    body = request.body
    form = (body.get("response_format") or {}).get("json_schema")
    asked = ModelRequest(
        messages=body["messages"],
        seed=body["seed"],
        stop=body.get("stop") or (),
        schema=form["schema"] if form else None,
    )
    message = {"role": "assistant", "content": asyncio.run(SimulatedModel().open_client().ask(asked)).text}
    return Answer(body={"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})


def run_gain(ste: Callable[..., Any], *changes: str) -> Any:
    small = ("params.episodes=2", "params.turns=2", "params.cases=2", *changes)
    own = "tools=[{use: python, module: my_tools.py}]"
    return ste("run", "gain", "--out", "gain", *(word for change in (own, *small) for word in ("--set", change)))


@pytest.mark.parametrize("way", ["variables", "changes"])
def test_gain_asks_the_server_of_two_variables_or_two_changes_and_no_other(
    way: str, ste: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(answer_by_policy, model="qwen3:4b") as server:
        if way == "variables":
            monkeypatch.setenv("STE_MODEL_URL", server.url)
            monkeypatch.setenv("STE_MODEL", server.model)
            result = run_gain(ste)
        else:
            result = run_gain(ste, f"models.main.base_url={server.url}", f"models.main.model={server.model}")
        assert result.code == 0, result.err
        asked = {(body["model"], body["temperature"], body.get("max_tokens")) for body in server.bodies}
    explorer, actor, judge, writer, author, learner = (
        (1.0, 360), (0.2, 360), (0.0, None), (1.0, None), (0.3, 400), (0.0, 256),
    )  # fmt: skip
    assert asked == {("qwen3:4b", *settings) for settings in (explorer, actor, judge, writer, author, learner)}
    assert "the server at" not in result.err


@pytest.mark.parametrize("name", ["paper", "explore", "distil", "icl", "evaluate", "gain"])
def test_each_model_of_each_workflow_is_like_the_main_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STE_MODEL_URL", "http://there/v1")
    monkeypatch.setenv("STE_MODEL", "small")
    models = ste_graph.load(name).workflow.models
    assert set(models) - {"main"} <= set(ROLES)
    assert {(model.base_url, model.model) for model in models.values()} == {("http://there/v1", "small")}
    changed = ste_graph.load(name, set={"models.main": {"use": "vllm", "model": "owner/name"}}).workflow.models
    assert {(type(model).__name__, model.model) for model in changed.values()} == {("VLLMModel", "owner/name")}
    assert models["main"].temperature is None
    assert [role for role in models if role != "main" and changed[role].temperature != models[role].temperature] == []


def test_the_parts_of_gain_get_its_models_with_what_differs() -> None:
    workflow = ste_graph.load("gain", set={"models.main.model": "small", "models.learner.model": "large"}).workflow
    inner = {
        f"{part.name}.{name}": (part.workflow.models[name].model, part.workflow.models[name].temperature)
        for part in workflow.sub_workflows.values()
        for name in dict.fromkeys(name for node in part.workflow.nodes.values() for name in node.models.values())
    }
    assert inner["explore.explorer"] == ("small", 1.0)
    assert inner["distil.judge"] == ("small", 0.0)
    assert inner["icl.learner"] == ("large", 0.0)


def test_a_server_that_does_not_answer_is_named_with_the_variables_and_without_a_packaged_file(
    ste: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STE_MODEL_URL", "http://127.0.0.1:9/v1")
    result = run_gain(ste)
    assert (result.code, result.err.splitlines()[-1]) == (
        1,
        "explore: model `explorer`: no model server answers at http://127.0.0.1:9/v1: start it, or set `base_url` to"
        " where it runs (STE_MODEL_URL sets `base_url`)",
    )
    monkeypatch.setenv("STE_MODEL_URL", "127.0.0.1:9/v1")
    assert run_gain(ste).err.splitlines()[0] == (
        "--env STE_MODEL_URL:1:1: error[E504] the environment variable `STE_MODEL_URL` is wrong: not a web address:"
        " it does not begin with http:// or https://; expected one such as http://localhost:8000"
    )


def test_a_name_that_the_server_does_not_list_is_a_doubt_that_names_the_variable(
    ste: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(model="qwen3:4b") as server:
        monkeypatch.setenv("STE_MODEL_URL", server.url)
        result = run_gain(ste, "params.trials=1")
    doubts = [line for line in result.err.splitlines() if "does not list" in line]
    assert doubts
    assert "qwen3:4b" in doubts[0]
    assert doubts[0].endswith("(STE_MODEL sets `model`)")


def test_a_run_goes_on_when_its_server_has_moved(ste: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STE_MODEL", "qwen3:4b")
    short = ("--set", "params.episodes=1", "--set", "params.trials=1", "--out", "moved")
    with ChatServer(model="qwen3:4b") as server:
        monkeypatch.setenv("STE_MODEL_URL", server.url)
        stopped = ste("run", "explore", *short, "--set", "budget.model_calls=2")
        assert len(server.requests) == 2, stopped.err
    with ChatServer(model="qwen3:4b") as server:
        moved = f"models.main.base_url={server.url}"
        other = ste("run", "explore", *short, "--set", moved, "--set", "models.main.model=other")
        assert (other.code, "models.explorer.model" in other.err, len(server.requests)) == (2, True, 0)
        result = ste("run", "explore", *short, "--set", moved)
        assert (result.code, len(server.requests) > 2) == (0, True), result.err


def test_a_new_project_asks_a_real_model_by_its_variant(
    ste: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ste("init", tmp_path / "mine")
    with ChatServer(model="qwen3:4b") as server:
        monkeypatch.setenv("STE_MODEL_URL", server.url)
        monkeypatch.setenv("STE_MODEL", server.model)
        small = ("--set", "params.episodes=1", "--set", "params.trials=1", "--format", "json")
        outcome = ste("run", tmp_path / "mine" / "workflow.yaml", "--variant", "real", *small)
        assert json.loads(outcome.out)["complete"]
        assert {body["temperature"] for body in server.bodies} == {1.0}
