"""Pairs of runs: trials at the same place, and what keeps units from being compared."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

import ste_graph as ste
from ste_graph.errors import WorkflowError
from ste_graph.lab.pairs import open_trials, pair_runs, read_trials, require_pairs

ROOT = Path(__file__).parents[2]
EVERYDAY = str(ROOT / "workflows/tools/everyday.py")


def explore(out: Path, tools: list[str], variant: str | None = None, **changes: object) -> Path:
    values = {
        "params": {"episodes": 2, "trials": 2, "turns": 2},
        "memory.long_term": "off",
        "tools": [{"use": "python", "module": EVERYDAY, "include": tools}],
        **changes,
    }
    ste.load(ROOT / "workflows" / "quickstart.yaml", variant=variant, set=values).run(out=out)
    return out


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explore(tmp_path_factory.mktemp("pairs") / "base", ["to_roman", "add_days"])


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explore(tmp_path_factory.mktemp("pairs") / "other", ["add_days", "convert_unit"], "no-lessons")


def test_trials_are_paired_by_unit_and_place(base: Path, other: Path) -> None:
    pair = require_pairs(pair_runs(open_trials(base), open_trials(other)))
    assert list(pair.units) == ["add_days"]
    assert pair.left_out == {"to_roman": f"only in {base}", "convert_unit": f"only in {other}"}
    places = [found.place for found in pair.trials]
    assert places == [
        ("add_days", (("episode", episode), ("trial", trial))) for episode in range(2) for trial in range(2)
    ]
    first = next(iter(pair.trials))
    assert first.a is not None
    assert first.b is not None
    assert first.a.query == first.b.query  # nothing differs before the first lesson: the choices are the same


def test_a_longer_run_has_trials_without_a_partner(base: Path, tmp_path: Path) -> None:
    longer = explore(tmp_path / "longer", ["to_roman"], **{"params.trials": 3})
    pair = pair_runs(open_trials(base), open_trials(longer))
    assert [(found.a is None, found.b is None) for found in pair.trials] == [(False, False)] * 4 + [(True, False)] * 2


def test_a_unit_that_is_not_finished_is_left_out_with_the_reason(base: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    (cut / "units").mkdir(parents=True)
    for name in ("workflow.lock.yaml", "journal.jsonl", "units/to_roman.jsonl"):
        (cut / name).write_bytes((base / name).read_bytes())
    lines = (base / "units/add_days.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "units/add_days.jsonl").write_bytes(b"".join(lines[:-1]))
    found = open_trials(cut)
    assert found.unfinished == {"add_days": "is not finished"}
    pair = pair_runs(open_trials(base), found)
    assert list(pair.units) == ["to_roman"]
    assert pair.left_out == {"add_days": f"in {cut}: is not finished"}


def test_a_tool_with_other_parameters_is_another_case_and_one_described_otherwise_is_not(
    base: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    (changed / "units").mkdir(parents=True)
    (changed / "journal.jsonl").write_bytes((base / "journal.jsonl").read_bytes())
    for unit in ("to_roman", "add_days"):
        (changed / f"units/{unit}.jsonl").write_bytes((base / f"units/{unit}.jsonl").read_bytes())
    content = yaml.safe_load((base / "workflow.lock.yaml").read_text("utf-8"))
    content["schemas"]["to_roman"] = {"type": "object", "properties": {"n": {"type": "integer"}}}
    content["descriptions"]["add_days"] = "Something else."
    (changed / "workflow.lock.yaml").write_text(yaml.safe_dump(content), "utf-8")
    pair = pair_runs(open_trials(base), open_trials(changed))
    assert list(pair.units) == ["add_days"]
    assert pair.left_out == {"to_roman": "the tool has other parameters"}


def test_runs_with_nothing_in_common_are_refused_with_the_reasons(base: Path, tmp_path: Path) -> None:
    alone = explore(tmp_path / "alone", ["convert_unit"])
    pair = pair_runs(open_trials(base), open_trials(alone))
    with pytest.raises(WorkflowError) as refused:
        require_pairs(pair)
    assert f"add_days, to_roman: only in {base}" in str(refused.value)
    assert f"convert_unit: only in {alone}" in str(refused.value)


def test_the_only_part_with_trials_stands_for_the_run(base: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    (outer / "runs").mkdir(parents=True)
    (outer / "units").mkdir()
    inner = shutil.copytree(base, outer / "runs/explore")
    (outer / "workflow.lock.yaml").write_bytes((base / "workflow.lock.yaml").read_bytes())
    assert open_trials(outer).path == inner
    shutil.copytree(base, outer / "runs/again")
    with pytest.raises(WorkflowError, match=r"several of its parts have trials; name one of them: .*again, .*explore"):
        open_trials(outer)


def test_a_run_without_trials_says_what_is_there(base: Path, tmp_path: Path) -> None:
    empty = tmp_path / "run"
    (empty / "units").mkdir(parents=True)
    (empty / "workflow.lock.yaml").write_bytes((base / "workflow.lock.yaml").read_bytes())
    with pytest.raises(WorkflowError, match=r"it has no records yet; 0 of 2 units are finished\. .*`ste show"):
        open_trials(empty)
    line = {"id": "1", "record": "reply", "started": "", "ended": ""}
    (empty / "journal.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    with pytest.raises(WorkflowError, match="this run has no trials; it has 1 reply"):
        read_trials(open_trials(empty).run)


@pytest.mark.parametrize("version", [1, 99])
def test_a_run_of_another_version_is_refused(base: Path, tmp_path: Path, version: int) -> None:
    run = tmp_path / "run"
    run.mkdir()
    lock = (base / "workflow.lock.yaml").read_text("utf-8").replace("format: 4", f"format: {version}", 1)
    (run / "workflow.lock.yaml").write_text(lock, "utf-8")
    with pytest.raises(WorkflowError, match=rf"version of ste-graph \(format {version}"):
        open_trials(run)
