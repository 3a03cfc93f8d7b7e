import signal
from pathlib import Path

import pytest
from langgraph.graph.state import CompiledStateGraph

import ste_graph as ste

ROOT = Path(__file__).parents[1]
PAPER = ROOT / "workflows" / "paper.yaml"


def test_the_plan_of_the_paper_is_its_loop_times_the_tools() -> None:
    assert {
        key: value for key, value in ste.load(PAPER).plan().to_json().items() if key in ("units", "per_unit", "total")
    } == {
        "units": 12,
        "per_unit": {"model_calls": 420, "tool_calls": 240},
        "total": {"model_calls": 12 * 420, "tool_calls": 12 * 240},
    }


def test_without_reflection_a_unit_costs_less() -> None:
    assert ste.load(PAPER, variant="no-reflection").plan().to_json()["per_unit"] == {
        "model_calls": 360,
        "tool_calls": 240,
    }


async def test_a_plan_can_be_made_inside_an_event_loop() -> None:
    assert ste.load(PAPER).plan().to_json()["units"] == 12


def test_a_plan_without_tools_that_may_be_called_says_why() -> None:
    tools = [{"use": "python", "module": "math:sqrt"}]
    plan = ste.load(PAPER, set={"tools": tools}).plan()
    assert plan.to_json()["units"] == 0
    assert plan.note is not None
    assert "the only tool, which is not read-only, may not be called" in plan.note


def test_tools_that_do_not_load_are_an_error_of_the_plan_and_not_a_plan_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no')")
    tools = [{"use": "python", "module": str(tmp_path / "broken.py")}]
    with pytest.raises(ste.WorkflowError, match="does not import: RuntimeError: no"):
        ste.load(PAPER, set={"tools": tools}).plan()


def test_the_graph_is_a_compiled_langgraph_graph() -> None:
    graph = ste.load(PAPER).graph
    assert isinstance(graph, CompiledStateGraph)
    assert {"imagine", "call", "observe", "reflect"} < graph.get_graph().nodes.keys()


def test_a_run_without_a_folder_goes_where_its_name_says() -> None:
    assert ste.load(PAPER).default_out == Path("runs/paper")
    assert ste.load(PAPER, variant="placebo").default_out == Path("runs/paper.placebo")


async def test_run_inside_an_event_loop_says_what_to_write_instead(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"write `await workflow\.arun"):
        ste.load(PAPER).run(out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_gives_the_signals_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ste.RunError):
        ste.load(PAPER, set={"models.explorer": {"use": "recorded", "path": str(tmp_path / "none")}}).run(
            out=tmp_path / "run"
        )
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_folder_of_its_name_does_not_stand_before_a_bundled_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "paper").mkdir()
    monkeypatch.chdir(tmp_path)
    assert ste.load("paper").workflow.name == "paper"


def test_a_folder_is_no_workflow_file(tmp_path: Path) -> None:
    with pytest.raises(ste.WorkflowError, match="is a folder, not a workflow file"):
        ste.load(tmp_path)
