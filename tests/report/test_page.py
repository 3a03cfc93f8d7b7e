"""The page about a run: what it gathers, and that it holds no markup, path or program of others."""

import base64
import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import ste_graph
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.memory.experience.run_vectors import read_request_vectors
from ste_graph.report.blocks import PageTable
from ste_graph.report.content import gather_content
from ste_graph.report.evidence import arms_section, cost_table
from ste_graph.report.page import render_page
from ste_graph.report.requests import project
from ste_graph.report.steps import split_key
from tests.report.conftest import HOSTILE, rewrite

pytest.importorskip("altair", reason="the report extra is not installed")
pytest.importorskip("vl_convert", reason="the report extra is not installed")


def embedded(page: str) -> dict:
    (data,) = re.findall(r'<script id="data"[^>]*>([^<]*)</script>', page)
    return json.loads(gzip.decompress(base64.b64decode(data)))


def section(content, name: str, part: int = 0):
    return next(each for each in content.parts[part].sections if each.id == name)


def table(content, name: str, label: str, part: int = 0) -> list[dict]:
    found = next(
        block for block in section(content, name, part).blocks if block.kind == "table" and block.label == label
    )
    return [dict(zip(found.head, row, strict=True)) for row in found.rows]


@pytest.fixture(scope="module")
def content(quick_run):
    return gather_content(open_run(quick_run), read_request_vectors)


def test_the_page_counts_what_the_journal_says(quick_run, content):
    trials = open_run(quick_run).trials()
    rows = {row["tool"]: row for row in table(content, "outcome", "Trials by tool")}
    assert {name: row["trials"] for name, row in rows.items()} == {"convert_unit": 6, "days_between": 6}
    for name, row in rows.items():
        own = [kept.trial for kept in trials if kept.tool == name]
        assert row["solved"] == sum(trial.solved is True for trial in own)
        assert row["call succeeded"] == sum(trial.call_succeeded for trial in own)
    assert content.state == "complete: 2 of 2 units done"
    assert content.simulated is not None
    assert not content.running


def test_the_tool_calls_are_those_that_reached_a_tool_and_the_others_stand_apart(content):
    told = dict(content.parts[0].facts)["tool calls"]
    total, _, rest = told.partition(" (")
    made, _, refused = rest.partition(")")
    assert int(total) == sum(int(part.split()[0]) for part in made.split(", "))
    assert re.fullmatch(r"; never reached a tool: \d+ invalid_arguments(, \d+ unknown_tool)?", refused), told


def test_each_trial_has_its_calls_and_every_step_that_led_to_it(quick_run, content):
    trials = open_run(quick_run).trials()
    assert [entry["id"] for entry in content.entries] == [
        kept.id for unit in open_run(quick_run).lock["units"] for kept in trials if kept.tool == unit
    ]
    entry = content.entries[0]
    kept = next(kept for kept in trials if kept.id == entry["id"])
    assert entry["request"] == kept.trial.query
    assert [step["observation"] for step in entry["steps"]] == [
        step.observation.text for step in kept.trial.steps if step.observation
    ]
    nodes = [step["n"] for step in entry["transcript"]]
    assert nodes[-1] == "reflect"
    assert "imagine" in nodes
    messages = [message for step in entry["transcript"] for message in step.get("m", ())]
    assert any(kept.trial.query in text for _, text in messages)


def test_the_map_shows_each_request_at_a_place_and_alike_ones_near(quick_run, content):
    (chart,) = [block for block in section(content, "requests").blocks if block.kind == "chart" and block.opens_trials]
    (points,) = chart.spec["datasets"].values() if "datasets" in chart.spec else (chart.spec["data"]["values"],)
    assert {point["trial"] for point in points} == {kept.id for kept in open_run(quick_run).trials()}

    def middle(tool):
        return np.mean([[point["x"], point["y"]] for point in points if point["tool"] == tool], axis=0)

    for point in points:
        own, other = middle(point["tool"]), middle({"convert_unit", "days_between"}.difference([point["tool"]]).pop())
        at = np.array([point["x"], point["y"]])
        assert np.linalg.norm(at - own) < np.linalg.norm(at - other)


def test_main_axes_hold_what_varies_most():
    rows = np.zeros((20, 5))
    rows[:, 3] = np.arange(20)
    rows[:, 1] = np.tile([0, 1], 10)
    found = project(rows)
    assert np.abs(np.corrcoef(found[:, 0], rows[:, 3])[0, 1]) > 0.999
    assert np.ptp(found[:, 0]) > np.ptp(found[:, 1])
    assert (project(rows) == found).all()


def test_a_run_with_parts_shows_all_of_them_and_each_trial_once_with_its_gate(distilled_run):
    content = gather_content(open_run(distilled_run))
    assert [part.title for part in content.parts] == ["chain", "distil", "explore"]
    ids = [entry["id"] for entry in content.entries]
    assert len(ids) == len(set(ids)) == 4
    run = open_run(distilled_run)
    distil = next(part for part in run.sub_runs if part.path.name == "distil")
    rejected = {line["trial_id"]: line["gate"] for line in distil.records() if line["record"] == "rejected"}
    for entry in content.entries:
        if entry["id"] in rejected:
            assert entry["gate"] in {rejected[entry["id"]], "kept"}
    number = next(at for at, part in enumerate(content.parts) if part.title == "distil")
    counted = sum(row["rejected"] for row in table(content, "gates", "Reasons of the gates", number))
    assert counted == sum(1 for line in distil.records() if line["record"] == "rejected")


def test_time_and_tokens_of_the_nodes_add_up_to_those_of_the_run(quick_run, content):
    rows = table(content, "cost", "Cost by node")
    used = open_run(quick_run).summary().used
    assert sum(row["model calls"] for row in rows) == used.model_calls
    assert sum(row["prompt tokens"] for row in rows) == used.prompt_tokens


def test_the_arms_and_what_a_case_costs_stand_in_tables_of_their_own(evaluated_run):
    content = gather_content(open_run(evaluated_run))
    arms, costs = table(content, "arms", "The arms"), table(content, "arms", "What a case costs")
    assert [row["arm"] for row in arms] == [row["arm"] for row in costs]
    assert len(arms[0]) == 11
    assert all(row["model calls"] == 1 for row in costs)
    assert "price, USD" not in costs[0], "a simulated model counts no tokens, so that there is no price"


def test_a_p_value_is_as_small_on_the_page_as_in_the_decision():
    line = {
        "decision": "adopt", "candidate": "exemplars", "reason": "it gains", "baseline": "baseline",
        "arms": {}, "gains": {}, "candidates": {"exemplars": {"obstacle": None, "p_value": 6.2e-06, "harmed": []}},
    }  # fmt: skip
    section = arms_section([line], [])
    tables = [block for block in section.blocks if isinstance(block, PageTable)]
    assert tables[-1].rows[0][:3] == ("exemplars", "may be adopted", "6.2e-06")


def test_the_price_of_a_case_has_its_currency():
    cost = {"calls": 1.0, "prompt_tokens": 812.0, "price": {"per_case": 0.000214, "currency": "EUR"}}
    none = {"calls": 1.0, "price": {"per_case": None, "currency": "EUR"}}
    found = cost_table({"baseline": {"cost": none}, "exemplars": {"cost": cost}})
    assert found is not None
    assert found.head == ("arm", "model calls", "prompt tokens", "price, EUR"), "what no arm has is left out"
    assert found.rows == (("baseline", 1.0, None, None), ("exemplars", 1.0, 812.0, 0.000214))


def test_the_graph_is_the_one_that_was_drawn(quick_run, content):
    assert (
        content.parts[0].graph_text
        == ste_graph.load("quickstart", set={"params.episodes": 2, "params.trials": 3}).draw()
    )
    assert content.parts[0].graph is not None
    assert content.parts[0].graph.lstrip().startswith("<svg")
    assert 'width="100%"' not in content.parts[0].graph.partition(">")[0], "a small graph is not blown up to the page"


def test_what_models_and_tools_wrote_is_text(quick_run, tmp_path):
    run = tmp_path / "hostile"
    shutil.copytree(quick_run, run)

    def plant(trial):
        trial["query"] = trial["answer"] = HOSTILE
        for step in trial["steps"]:
            step["observation"]["text"] = HOSTILE

    rewrite(run, plant)
    page = render_page(gather_content(open_run(run)))
    assert "onerror=alert" not in page
    assert "\x1b" not in page
    assert "\u2028" not in page
    found = embedded(page)["entries"][0]
    assert found["request"].startswith("</script><img src=x onerror=alert(1)>")
    assert not set(found["request"]) & set("\x1b\u2028\u202e")


def test_only_the_scripts_of_the_package_may_run_and_nothing_may_be_fetched(content):
    page = render_page(content)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#x27;", "'")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules
    scripts = re.findall(r'<script(?: id="bundle" type="text/plain")?>(.*?)</script>', page, re.DOTALL)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts}
    assert hashes == set(rules["script-src"].split())
    assert not re.search(r'(?:src|href)="https?:', page)


def test_no_path_of_this_machine_is_in_a_page(distilled_run):
    page = render_page(gather_content(open_run(distilled_run)))
    text = json.dumps(embedded(page))
    assert str(distilled_run.parent) not in text
    assert str(Path.cwd()) not in text


def test_a_run_without_trials_says_what_it_has_instead(quick_run, tmp_path, ste):
    run = tmp_path / "empty"
    shutil.copytree(quick_run, run)
    shutil.rmtree(run / "units")
    (run / "journal.jsonl").unlink()
    found = ste("report", run, "--out", tmp_path / "page.html")
    assert found.code == 0
    assert "not complete: 0 of 2 units done" in found.out
    assert "has no trials and no replies; it has no records yet" in found.out


def test_a_run_that_is_not_complete_is_shown_as_far_as_it_is(quick_run, tmp_path):
    run = tmp_path / "half"
    shutil.copytree(quick_run, run)
    log = run / "units" / "days_between.jsonl"
    lines = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[: len(lines) // 2]), "utf-8")
    (run / "journal.jsonl").unlink()
    content = gather_content(open_run(run))
    assert content.state == "not complete: 1 of 2 units done"
    assert 6 < len(content.entries) < 12


def test_tools_that_were_left_out_are_named(quick_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(quick_run, run)
    lock = run / "workflow.lock.yaml"
    text = lock.read_text("utf-8")
    assert "\nskipped: {}\n" in text
    skipped = "\nskipped: {drop: {effect: write, remedy: 'allow: [drop]'}}\n"
    lock.write_text(text.replace("\nskipped: {}\n", skipped), "utf-8")
    warnings = gather_content(open_run(run)).parts[0].warnings
    assert "left out, as the run may not call them: drop" in warnings


def test_a_folder_that_is_no_run_a_run_of_another_version_and_a_page_that_cannot_be_written_are_refused(
    quick_run, tmp_path, ste
):
    assert "is not the folder of a run" in ste("report", tmp_path).err
    other = tmp_path / "other"
    shutil.copytree(quick_run, other)
    lock = other / "workflow.lock.yaml"
    lock.write_text(re.sub(r"^format: \d+", "format: 99", lock.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    assert "newer version of ste-graph" in ste("report", other).err
    found = ste("report", quick_run, "--out", tmp_path / "none" / "page.html")
    assert (found.code, "cannot be written" in found.err) == (2, True)


def test_the_page_is_written_beside_the_run_and_is_no_part_of_it(quick_run, tmp_path, ste):
    run = tmp_path / "copy"
    shutil.copytree(quick_run, run)
    before = {file: file.stat().st_mtime_ns for file in run.rglob("*")}
    assert ste("report", run).code == 0
    assert (tmp_path / "copy.html").stat().st_size < 2_000_000
    assert {file: file.stat().st_mtime_ns for file in run.rglob("*")} == before


@pytest.mark.parametrize(
    ("key", "vertex", "counters"),
    [
        ("call episode=3 trial=5 turn=-", "call", {"episode": "3", "trial": "5", "turn": "-"}),
        ("record trial episode=0", "record trial", {"episode": "0"}),
        ("offer", "offer", {}),
    ],
)
def test_keys_of_steps_are_taken_apart(key, vertex, counters):
    assert split_key(key) == (vertex, counters)


def test_a_missing_package_is_named(monkeypatch, quick_run, ste):
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    assert "pip install 'ste-graph[report]'" in ste("report", quick_run).err
    with pytest.raises(WorkflowError, match="ste-graph\\[report\\]"):
        gather_content(open_run(quick_run))
