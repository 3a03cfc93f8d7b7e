from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

DATA = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def data() -> Callable[[str], Path]:
    """A file of the data for tests, or of BFCL's package where that is installed; skips where it is not there."""

    def path(name: str) -> Path:
        package = find_spec("bfcl_eval")
        files = [DATA / name]
        if package is not None and package.origin:
            files.append(Path(package.origin).parent / "data" / Path(name).name)
        found = next((file for file in files if file.exists()), None)
        if found is None:
            pytest.skip(
                f"{files[0]} is not there; set STE_DATA to the folder that holds `ste` and `bfcl`, or for BFCL's files "
                "pip install --no-deps bfcl-eval"
            )
        return found

    return path


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], Path]:
    """Writes a JSON file into an empty folder, far from any test that might be found."""
    monkeypatch.delenv("STE_DATA", raising=False)
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)

    def write(name: str, value: object) -> Path:
        path = folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
        return path

    return write
