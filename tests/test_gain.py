"""From somebody's own tools to a measured gain, in one command."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

import ste_graph as ste
from ste_graph.cli import main
from ste_graph.cli.text.outcome import outcome_from_summary
from ste_graph.memory import ExemplarStore
from ste_graph.packs.pack import open_pack
from ste_graph.packs.since import review_tools
from ste_graph.report.content import gather_content

TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def area(width: int, height: int) -> int:
    """The area of a rectangle.

    Args:
        width: The width in metres.
        height: The height in metres.
    """
    return width * height


@ste.tool(effect="read")
def upper(text: str) -> str:
    """A text in capitals.

    Args:
        text: The text.
    """
    return text.upper()


@ste.tool(effect="read")
def tide(harbour: str) -> str:
    """Tell the tide in a harbour."""
    raise RuntimeError("the service is down")


@ste.tool(effect="write")
def send(text: str) -> str:
    """Send a text."""
    return "sent"
'''


@pytest.fixture(scope="module")
def gain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_tools.py").write_text(TOOLS, "utf-8")
    own = {"tools": [{"use": "python", "module": str(folder / "my_tools.py")}], "params.episodes": 4}
    summary = ste.load("gain", variant="simulated", set=own).run(out=folder / "gain")
    assert summary.complete, summary.failed
    return folder / "gain"


def test_gain_explores_distils_tests_and_decides_each_in_a_run_of_its_own(gain: Path) -> None:
    parts = ste.open_run(gain).summary().sub_workflows
    assert list(parts) == ["explore", "distil", "guideline", "describe", "icl", "evaluate"]
    assert {kept.tool for kept in ste.open_run(gain / "runs" / "explore").trials()} == {"area", "upper", "tide"}
    assert ste.open_run(gain / "runs" / "explore").summary().skipped.keys() == {"send"}
    replies = [line for line in ste.open_run(gain / "runs" / "icl").records() if line["record"] == "reply"]
    assert {line["arm"] for line in replies} == {arm["name"] for arm in ste.load("gain").workflow.params["arms"]}


def test_no_request_of_the_test_was_learnt_from(gain: Path) -> None:
    tested = {line["query"] for line in ste.open_run(gain / "runs" / "icl").records()}
    with ExemplarStore.open(gain / "runs" / "distil") as store:
        queries = {exemplar.query for exemplar in store.exemplars()}
    assert tested
    assert queries
    assert tested.isdisjoint(queries)


def test_so_few_cases_show_no_gain_and_the_gate_stays_shut(gain: Path) -> None:
    [evaluation] = ste.open_run(gain / "runs" / "evaluate").records()
    assert evaluation["candidate"] == "exemplars"
    assert evaluation["decision"] == "keep"
    assert "after Holm's correction for 7 candidates, so what was there stays" in evaluation["reason"]
    with pytest.raises(ste.WorkflowError, match="may not be used"):
        ExemplarStore.open(gain / "runs" / "distil", only_if=gain)


def test_whatever_has_no_held_out_case_and_is_simulated_is_labelled_so(gain: Path) -> None:
    [evaluation] = ste.open_run(gain / "runs" / "evaluate").records()
    assert evaluation["simulated"] is True
    assert "simulated" in evaluation["table"].splitlines()[1]
    assert json.dumps(evaluation["arms"]["exemplars"]["models"]) == '["simulated"]'


def test_the_same_command_in_another_folder_comes_to_the_same(gain: Path, tmp_path: Path) -> None:
    own = {"tools": [{"use": "python", "module": str(gain.parent / "my_tools.py")}], "params.episodes": 4}
    ste.load("gain", variant="simulated", set=own).run(out=tmp_path / "again")

    def verdicts(run: Path) -> list[tuple[str, str, str]]:
        replies = ste.open_run(run / "runs" / "icl").records()
        return sorted((line["arm"], line["query"], line["output"]) for line in replies)

    assert verdicts(tmp_path / "again") == verdicts(gain)


def test_the_plan_bounds_what_the_run_used(gain: Path) -> None:
    own = {"tools": [{"use": "python", "module": str(gain.parent / "my_tools.py")}], "params.episodes": 4}
    planned = ste.load("gain", variant="simulated", set=own).plan().total
    assert planned is not None
    used = ste.open_run(gain).summary().used
    assert 0 < used.model_calls <= planned.model_calls


def test_a_tool_without_a_case_is_named_with_the_reason_and_what_to_do(
    gain: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["show", str(gain)]) == 0
    shown = capsys.readouterr().out
    rejected = f"ste show {gain / 'runs' / 'distil'} --tool tide --record rejected -n 3"
    assert shown.split("\n\n")[-1].splitlines() == [
        "no case of 2 tools, so that nothing is known of what learning adds there:",
        "  tide  nothing of it was kept (16 trials rejected: 15 by execution, 1 by format)",
        f"        see why: {rejected}",
        "  send  not explored, as the run may not call it (write)",
        "        allow: [send]",
    ]
    assert main(shlex.split(rejected)[1:]) == 0
    assert "the service is down" in capsys.readouterr().out
    outcome = outcome_from_summary("gain", ste.open_run(gain).summary())
    assert shown.split("\n\n")[-1].strip() in outcome.text()
    assert set(outcome.to_json()["untested"]) == {"tide", "send"}
    page = gather_content(ste.open_run(gain))
    (table,) = [
        block for part in page.parts for section in part.sections for block in section.blocks
        if getattr(block, "label", "") == "Tools without a case"
    ]  # fmt: skip
    assert [row[0] for row in table.rows] == ["tide", "send"]


def test_the_summary_counts_the_calls_of_its_parts_that_never_reached_a_tool(gain: Path) -> None:
    outcome = outcome_from_summary("gain", ste.open_run(gain).summary())
    explored = outcome_from_summary("explore", ste.open_run(gain / "runs" / "explore").summary())
    assert "of them never reached the tool" in explored.overview()
    line = next(line for line in explored.overview().splitlines() if "failed calls" in line)
    assert line.split("(")[1] in outcome.overview()


def test_a_pack_names_the_tools_that_were_not_tested_and_a_run_since_says_so(gain: Path, tmp_path: Path) -> None:
    assert main(["pack", "make", str(gain), "--out", str(tmp_path / "pack"), "--not-adopted"]) == 0
    readme, skill = ((tmp_path / "pack" / name).read_text("utf-8") for name in ("README.md", "SKILL.md"))
    why = "nothing of it was kept (16 trials rejected: 15 by execution, 1 by format)"
    assert f"No held-out request is about `tide`: {why}." in readme
    assert "No held-out request is about `send`: not explored, as the run may not call it (write)." in readme
    assert "Nothing was learnt about `tide`, `send`." in skill
    tool = SimpleNamespace(name="tide", effect="read", description="", parameters={})
    (tide, *_) = review_tools(open_pack(tmp_path / "pack"), [tool])
    assert (tide.standing, tide.is_explored) == ("weak", True)
    assert tide.reason == f"when the pack was made: {why}; to leave it out: `exclude: [tide]`"


def test_an_export_of_a_run_with_parts_names_the_part_that_has_examples(
    gain: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(gain.parent)
    assert main(["export", "gain"]) == 2
    part = "gain/runs/distil"
    assert capsys.readouterr().err == f"gain: has no example of its own; name its part that has some: {part}\n"
    assert main(["export", part]) == 0
