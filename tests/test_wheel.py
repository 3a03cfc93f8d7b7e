"""The wheel alone as a user gets it, next to packages of their own called `memory` and `nodes`."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built from a copy: a build leaves files behind that the next one would take in."""
    out, copy = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("copy")
    for name in ("ste_graph", "memory", "nodes", "workflows"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    words = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), str(copy)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, which sees this environment's packages but not the checkout."""
    home = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    words = ["--python", str(python), "install", "-q", "--no-deps", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    ours = next((home / "lib").glob("python*")) / "site-packages"
    # A folder that a .pth file names is searched, but its own .pth files are not read: the editable checkout stays out.
    (ours / "zz_packages_of_the_test_environment.pth").write_text(
        sysconfig.get_path("purelib") + "\n", encoding="utf-8"
    )
    return home


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    for name in ("memory", "nodes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('raise RuntimeError("a user\'s own package")\n', encoding="utf-8")
    return tmp_path


def ste(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVERAGE"))}
    return subprocess.run(
        [installed / "bin" / "ste", *words], cwd=folder, capture_output=True, text=True, env=environment, timeout=300
    )


def test_the_wheel_installs_everything_under_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ste_graph"}


def test_the_quickstart_runs_from_the_wheel_next_to_a_users_own_memory_and_nodes(
    installed: Path, users_folder: Path
) -> None:
    done = ste(installed, users_folder, "run", "quickstart", "--out", "out", "--format", "json",
               "--set", "params.episodes=1", "--set", "params.trials=1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["trials"] == 12
    assert summary["failed_units"] == 0


def test_a_new_project_checks_from_the_wheel(installed: Path, users_folder: Path) -> None:
    created = ste(installed, users_folder, "init", "project")
    assert created.returncode == 0, created.stderr
    checked = ste(installed, users_folder / "project", "check", "workflow.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
