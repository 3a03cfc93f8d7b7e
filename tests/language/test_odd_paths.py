"""Paths and addresses that the system refuses, or that never end: each is a problem at its place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.loading import WorkflowFile

PLACES: dict[str, tuple[str, str]] = {
    "extends": ("E302", "extends: PATH"),
    "run": ("E310", "graph: [{run: PATH}]"),
    "prompt": ("E505", "nodes: {say: {use: chat, model: m, prompt: PATH, outputs: {text: maybe str}}}"),
    "plugins": ("E501", "plugins: [PATH]"),
    "spec": ("E506", "tools: [{use: openapi, spec: PATH}]"),
    "toolbench": ("E506", "tools: [{use: toolbench, path: PATH}]"),
    "recorded": ("E506", "models: {m: {use: recorded, path: PATH}}"),
    "cassette": ("E506", "cassette: {path: PATH, mode: record}"),
    "trials": ("E506", "data: {d: {use: trials, run: PATH}}"),
    "rows": ("E506", "data: {d: {use: rows, path: PATH}}"),
    "verdicts": ("E506", "data: {d: {use: verdicts, paths: [PATH]}}"),
    "cases": ("E506", "data: {d: {use: cases, path: PATH}}"),
    "replies": ("E506", "data: {d: {use: replies, runs: [PATH]}}"),
    "predictions": ("E506", "data: {d: {use: predictions, arms: {a: PATH}}}"),
}

WORKFLOW = """\
dsl: 2
name: odd
models: {m: {use: simulated}}
nodes: {say: {use: chat, model: m, prompt: say.md, outputs: {text: maybe str}}}
graph: [{map: item, over: "[1]", do: [say]}]
"""


@pytest.fixture
def problems(tmp_path: Path) -> Callable[[str], list[str]]:
    """The codes, places and messages of the problems of a workflow in which sections are replaced."""
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "say.md").write_text("Say {{ item }}.")
    file = tmp_path / "w.yaml"

    def found(section: str) -> list[str]:
        key = section.split(":")[0]
        kept = [line for line in WORKFLOW.splitlines() if not line.startswith(f"{key}:")]
        file.write_text("\n".join([*kept, section]) + "\n", "utf-8")
        try:
            WorkflowFile.load(file)
        except DiagnosticsError as error:
            faults = [each for each in error.diagnostics if each.severity == "error"]
            assert {each.span.line for each in faults} == {len(kept) + 1}
            return [f"{each.code} {each.message}" for each in faults]
        return []

    return found


@pytest.mark.parametrize("place", PLACES)
def test_paths_that_are_no_files_are_problems_of_the_place_that_names_them(place, problems) -> None:
    code, section = PLACES[place]
    for path, why in {
        "pipe": "is not a regular file",
        "/dev/zero": "is not a regular file",
        "a" * 300: "file name too long",
        '"a\\0b"': "a path cannot have a nul character",
    }.items():
        (found,) = problems(section.replace("PATH", path))
        assert found.startswith(code)
        assert found.endswith(f"` cannot be read: {why}")
        assert len(found) < 250


@pytest.mark.parametrize("path", ["~nobody-here/x", "'x.yaml 2 ** 64'", "say.md/x", "''", ".", "/"])
def test_no_path_is_a_fault_of_ours(path, problems) -> None:
    for code, section in PLACES.values():
        assert {found.split()[0] for found in problems(section.replace("PATH", path))} <= {code, "E203"}


def test_a_module_that_is_a_pipe_is_not_imported(problems) -> None:
    (found,) = problems("tools: [{use: python, module: pipe.py}]")
    assert found == "E506 the file `pipe.py` cannot be read: is not a regular file"


@pytest.mark.parametrize(
    "section",
    [
        "models: {m: {use: openai, model: x, base_url: 'ADDRESS'}}",
        "models: {m: {use: vllm, model: x, url: 'ADDRESS'}}",
        "tools: [{use: openapi, spec: x.json, base_url: 'ADDRESS'}]",
        "tools: [{use: mcp, url: 'ADDRESS'}]",
        "tools: [{use: openapi, spec: 'ADDRESS'}]",
        "memory: {x: {use: chroma, of: trial, lives: run, url: 'ADDRESS'}}",
    ],
)
def test_what_is_no_address_is_a_problem_of_the_setting(section, problems) -> None:
    for address in ("http://127.0.0.1:8-21", "http://[", "http://\u2100/", "http://"):
        (found,) = problems(section.replace("ADDRESS", address))
        assert "not a web address: it" in found
    assert "address" not in "".join(problems(section.replace("ADDRESS", "http://127.0.0.1:8000")))
