"""A package that a node needs and that is missing is told before anything is started or spent."""

from importlib.util import find_spec
from pathlib import Path

import pytest

import ste_graph as ste

GEPA = r"describe\.yaml: node `keep`: `search: gepa` needs a package: pip install 'ste-graph\[gepa\]'"
TRAIN = (
    r"finetune\.yaml: node `train`: training needs further packages: pip install 'ste-graph\[train\]' \(missing: peft\)"
)


@pytest.mark.parametrize(
    ("workflow", "changes", "package", "sentence"),
    [("gain", {"graph.describe.variant": "gepa"}, "gepa", GEPA), ("learn", {}, "peft", TRAIN)],
)
def test_a_missing_package_of_a_later_part_is_told_before_anything_is_spent(
    workflow: str,
    changes: dict[str, str],
    package: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("forms.gepa_search", "training.errors"):
        monkeypatch.setattr(f"ste_graph.{module}.find_spec", lambda name: None if name == package else find_spec(name))
    chain = ste.load(workflow, set={"models.main": {"use": "simulated"}, **changes})
    with pytest.raises(ste.WorkflowError, match=sentence):
        chain.run(tmp_path / "run")
    assert not [*tmp_path.rglob("*.jsonl")]
