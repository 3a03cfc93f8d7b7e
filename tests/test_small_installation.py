"""The commands that need no model, no memory and no run work without the packages that these need."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.house import joined

ROOT = Path(__file__).parents[1]
HEAVY = (
    "torch", "chromadb", "langgraph", "openai", "sentence_transformers", "transformers", "onnxruntime",
    "numpy", "scipy",
)  # fmt: skip
COMMANDS = [
    ["check", "paper"],
    *(["plan", file.stem] for file in sorted((ROOT / "workflows").glob("*.yaml"))),
    ["draw", "explore"],
    ["tools", "list", "quickstart"],
    ["tools", "show", "quickstart", "add_days"],
    ["tools", "call", "quickstart", "add_days", '{"date": "2026-03-01", "days": 90}'],
    ["schema"],
    ["init", "project"],
]


def needed(names: list[str]) -> Iterator[str]:
    """The distributions of these names, and all that they need."""
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name.lower() not in seen:
            seen.add(name.lower())
            yield name
            wanted = map(Requirement, requires(name) or [])
            names += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and what `docs/install.md` lists for the small installation, and nothing else."""
    folder = tmp_path_factory.mktemp("small")
    joined(ROOT, folder)
    line = re.search(r"--no-deps \.\npip install (.+)\n", (ROOT / "docs" / "install.md").read_text("utf-8"))
    assert line is not None
    for name in needed(line[1].split()):
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(distribution(name).locate_file(top)))
    return folder


def run(folder: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a Python that sees the standard library and the folder."""
    code = "from ste_graph.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-S", "-P", "-c", code, *arguments],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_a_command_that_runs_nothing_works_in_the_small_installation(small, tmp_path, arguments):
    assert not any((small / name).exists() for name in HEAVY)
    done = run(small, tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_project_checks_in_the_small_installation(small, tmp_path):
    assert run(small, tmp_path, "init", "project").returncode == 0
    assert run(small, tmp_path / "project", "check", "workflow.yaml").returncode == 0
