"""A model of one's own, as docs/models.md shows it."""

import re
from pathlib import Path

import ste_graph as ste

ROOT = Path(__file__).parents[2]


def test_the_model_that_the_page_shows_runs_as_a_plugin(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "models.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "my_models.py").write_text(block, "utf-8")
    changes = {
        "plugins": [str(tmp_path / "my_models.py")],
        "models.explorer": {"use": "my_models.Echo"},
        "params": {"episodes": 1, "trials": 1, "turns": 1},
        "memory.long_term": "off",
    }
    summary = ste.load(ROOT / "workflows" / "paper.yaml", set=changes).run(out=tmp_path / "run")
    assert (summary.failed, summary.models) == ({}, {"explorer": "echo"})
    assert {trial.model for trial in ste.open_run(tmp_path / "run").trials()} == {"echo"}
