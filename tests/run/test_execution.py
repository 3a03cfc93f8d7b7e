"""Whole runs of a tiny workflow: taken up, failed, stopped, side by side."""

import asyncio
import errno
import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.files.jsonl import LineFile
from ste_graph.run.context import Watcher

SPENT = "the budget of 4 model calls is spent: raise `budget.model_calls` and run again"

Journal = Callable[[Path], list[dict]]
Heard = Callable[[], list[str]]


class StopsAfter(Watcher):
    """Sets an event a moment after so many steps are finished, while the next ones are under way."""

    def __init__(self, stop: asyncio.Event, steps: int) -> None:
        self.stop = stop
        self.left = steps

    def step(self, unit: str, step: object, *, replayed: bool) -> None:
        self.left -= 1
        if self.left == 0:
            asyncio.get_running_loop().call_later(0.02, self.stop.set)


def test_each_unit_runs_its_loops_and_its_records_stand_in_the_journal(
    tiny: Path, tmp_path: Path, journal: Journal
) -> None:
    summary = ste.load(tiny).run(out=tmp_path / "run")
    assert (summary.units, summary.done, summary.records["trial"], summary.used.model_calls) == (3, 3, 9, 9)
    assert summary.complete
    assert {(line["item"], line["turn"]) for line in journal(tmp_path / "run")} == {
        (item, turn) for item in ("one", "two", "three") for turn in range(3)
    }


def test_a_finished_run_is_only_summed_up(tiny: Path, tmp_path: Path, heard: Heard) -> None:
    first = ste.load(tiny).run(out=tmp_path / "run")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.suffix}
    assert ste.load(tiny).run(out=tmp_path / "run") == first
    assert len(heard()) == 9
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.suffix} == files


@pytest.mark.parametrize("concurrency", [1, 2, 64])
def test_the_results_do_not_depend_on_how_many_units_run_side_by_side(
    tiny: Path, tmp_path: Path, journal: Journal, concurrency: int
) -> None:
    items = [f"item {number}" for number in range(6)]
    ste.load(tiny, set={"params.items": items}).run(out=tmp_path / "one", concurrency=1)
    ste.load(tiny, set={"params.items": items}).run(out=tmp_path / "many", concurrency=concurrency)
    assert journal(tmp_path / "many") == journal(tmp_path / "one")


async def test_no_more_units_run_at_once_than_allowed(tiny: Path, tmp_path: Path) -> None:
    running: set[str] = set()
    most = 0

    class Counts(Watcher):
        def step(self, unit: str, step: object, *, replayed: bool) -> None:
            nonlocal most
            running.add(unit)
            most = max(most, len(running))

        def unit_end(self, unit: str, log: object) -> None:
            running.discard(unit)

    wf = ste.load(tiny, set={"params.items": list("abcdefgh"), "models.model.seconds": 0.001})
    await wf.arun(out=tmp_path / "run", concurrency=3, watcher=Counts())
    assert most == 3


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_concurrency_that_lets_nothing_run_is_refused(tiny: Path, tmp_path: Path, concurrency: int) -> None:
    with pytest.raises(ste.WorkflowError, match=f"^concurrency: {concurrency} lets nothing run; expected 1 or more$"):
        ste.load(tiny).run(out=tmp_path / "run", concurrency=concurrency)


def test_a_failed_unit_is_recorded_the_others_go_on_and_the_same_command_takes_it_up(
    tiny: Path, tmp_path: Path, journal: Journal, heard: Heard
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    wf = ste.load(tiny, set={"models.model.fails_on": "two, turn 1", "models.model.broken": str(broken)})
    summary = wf.run(out=tmp_path / "run")
    assert (summary.done, summary.stopped_by) == (2, None)
    assert summary.failed == {"two": f"{tiny}:17 node think, item=two turn 1: out of order"}
    assert len(journal(tmp_path / "run")) == 7

    broken.unlink()
    told = len(heard())
    again = wf.run(out=tmp_path / "run")
    assert (again.done, again.failed, again.used.model_calls) == (3, {}, 9)
    assert heard()[told:] == ["Think of two, turn 1.", "Think of two, turn 2."]
    wf.run(out=tmp_path / "whole")
    assert journal(tmp_path / "run") == journal(tmp_path / "whole")


@pytest.mark.parametrize(("limit", "most"), [("model_calls", 5), ("tokens", 50)])
def test_a_budget_stops_the_run_cleanly_and_a_larger_one_lets_it_go_on(
    tiny: Path, tmp_path: Path, journal: Journal, heard: Heard, limit: str, most: int
) -> None:
    def run(budget: int | None, out: str = "run") -> ste.Experiment:
        change = {} if budget is None else {f"budget.{limit}": budget}
        return ste.load(tiny, set={"models.model.tokens": 10, **change}).run(out=tmp_path / out, concurrency=1)

    summary = run(most)
    assert (summary.stopped_by, summary.used.model_calls, len(heard())) == ("budget", 5, 5)
    unit = limit.replace("_", " ")
    assert summary.reason == f"the budget of {most} {unit} is spent: raise `budget.{limit}` and run again"
    assert run(most).used.model_calls == len(heard()) == 5
    summary = run(2 * most)
    assert (summary.stopped_by, summary.complete, summary.used.model_calls, len(heard())) == (None, True, 9, 9)
    run(None, "whole")
    assert journal(tmp_path / "run") == journal(tmp_path / "whole")


async def test_a_stopped_run_says_so_and_goes_on_where_it_was(
    tiny: Path, tmp_path: Path, journal: Journal, heard: Heard
) -> None:
    stop = asyncio.Event()
    wf = ste.load(tiny, set={"models.model.seconds": 0.1})
    summary = await wf.arun(out=tmp_path / "run", stop=stop, watcher=StopsAfter(stop, 5))
    assert (summary.stopped_by, summary.reason, summary.complete) == ("interrupt", "stopped by the user", False)
    assert summary.failed == {}
    in_flight = len(heard()) - summary.used.model_calls
    assert in_flight > 0
    summary = await wf.arun(out=tmp_path / "run")
    assert (summary.stopped_by, summary.complete, summary.used.model_calls) == (None, True, 9)
    assert len(heard()) == 9 + in_flight
    await wf.arun(out=tmp_path / "whole")
    assert journal(tmp_path / "run") == journal(tmp_path / "whole")


def test_events_and_step_logs_say_what_happened_and_why_each_loop_ended(tiny: Path, tmp_path: Path) -> None:
    summary = ste.load(tiny, set={"budget.model_calls": 4}).run(out=tmp_path / "run", concurrency=1)
    assert dict(summary.loops) == {("turn", "times"): 1}
    assert dict(ste.load(tiny).run(out=tmp_path / "run", concurrency=1).loops) == {("turn", "times"): 3}
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert all(event.pop("at").endswith("Z") for event in events)
    assert events == [
        {"event": "started", "units": 3, "replayed": 0},
        {"event": "done", "unit": "one"},
        {"event": "budget", "unit": "two", "step": "think turn=1", "why": SPENT},
        {"event": "budget", "unit": "three", "step": "think turn=0", "why": SPENT},
        {"event": "stopped", "by": "budget"},
        {"event": "started", "units": 3, "replayed": 4},
        {"event": "done", "unit": "two"},
        {"event": "done", "unit": "three"},
        {"event": "stopped", "by": None},
    ]


def test_a_step_log_that_was_deleted_is_done_again(tiny: Path, tmp_path: Path, journal: Journal) -> None:
    wf = ste.load(tiny)
    wf.run(out=tmp_path / "run")
    before = journal(tmp_path / "run")
    (tmp_path / "run" / "units" / "two.jsonl").unlink()
    (tmp_path / "run" / "journal.jsonl").write_text("damaged\n")
    assert wf.run(out=tmp_path / "run").complete
    assert journal(tmp_path / "run") == before


def test_a_damaged_step_log_is_refused_by_its_line(tiny: Path, tmp_path: Path) -> None:
    wf = ste.load(tiny)
    wf.run(out=tmp_path / "run")
    log = tmp_path / "run" / "units" / "two.jsonl"
    first, second, *rest = log.read_text().splitlines()
    log.write_text("\n".join([first, second[:20], *rest]) + "\n")
    with pytest.raises(ste.WorkflowError, match=r"^.*/units/two\.jsonl:2: this line is damaged; "):
        wf.run(out=tmp_path / "run")


@pytest.mark.parametrize("after", [1, 4, 11, 17])
def test_a_full_disk_ends_the_run_and_nothing_is_lost(
    tiny: Path, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    append = LineFile._open
    calls = 0

    class Full:
        def __init__(self, file) -> None:
            self.file = file

        def __getattr__(self, name: str):
            return getattr(self.file, name)

        def write(self, data: bytes) -> int:
            self.file.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(self: LineFile):
        nonlocal calls
        calls += 1
        file = append(self)
        return Full(file) if calls > after else file

    with monkeypatch.context() as patch:
        patch.setattr(LineFile, "_open", opened)
        with pytest.raises(
            ste.RunError, match=r"cannot be written \(No space left on device\); nothing finished is lost"
        ):
            ste.load(tiny).run(out=tmp_path / "run")
    assert ste.load(tiny).run(out=tmp_path / "run").complete
    ste.load(tiny).run(out=tmp_path / "whole")
    assert journal(tmp_path / "run") == journal(tmp_path / "whole")


def test_a_folder_in_which_no_run_began_is_removed(tiny: Path, tmp_path: Path) -> None:
    wf = ste.load(tiny, set={"models.model": {"use": "recorded", "path": str(tmp_path / "none.jsonl")}})
    with pytest.raises(ste.RunError, match=r"model `model`: .*none\.jsonl: file not found"):
        wf.run(out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_workflow_without_a_map_is_one_unit(tiny: Path, tmp_path: Path, journal: Journal) -> None:
    text = tiny.read_text(encoding="utf-8")
    loop = text[text.index("      - repeat") :].replace("      - repeat", "  - repeat", 1)
    flat = text[: text.index("  - map")] + "\n".join(
        line[4:] if line.startswith("        ") else line for line in loop.splitlines()
    )
    tiny.write_text(flat.replace("lives: item", "lives: run"), encoding="utf-8")
    (tmp_path / "think.md").write_text("Turn {{ turn }}.")
    summary = ste.load(tiny).run(out=tmp_path / "run")
    assert (summary.units, summary.records["trial"]) == (1, 3)
    assert [(line["run"], line["turn"]) for line in sorted(journal(tmp_path / "run"), key=lambda x: x["turn"])] == [
        ("run", 0),
        ("run", 1),
        ("run", 2),
    ]


def test_a_transcript_holds_the_messages_of_its_own_unit_and_no_others(tiny: Path, tmp_path: Path) -> None:
    ste.load(tiny).run(out=tmp_path / "run")
    for line in (tmp_path / "heard.jsonl").read_text().splitlines():
        prompts = [message["content"] for message in json.loads(line) if message["role"] == "user"]
        item, turn = prompts[-1].removeprefix("Think of ").removesuffix(".").split(", turn ")
        assert prompts == [f"Think of {item}, turn {number}." for number in range(int(turn) + 1)]


def test_the_time_of_a_record_is_that_of_its_pass(tiny: Path, tmp_path: Path) -> None:
    began = time.time()
    ste.load(tiny, set={"models.model.seconds": 0.02, "params.items": ["one"]}).run(out=tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    spans = [(line["started"], line["ended"]) for line in lines]
    assert all(started < ended for started, ended in spans)
    assert all(ended <= started for (_, ended), (started, _) in itertools.pairwise(spans))
    assert spans[0][0][:4] == time.strftime("%Y", time.gmtime(began))


def test_a_tool_that_changes_the_working_directory_does_not_move_the_run(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    tools = f"import os\n\n\ndef leave() -> str:\n    os.chdir({str(tmp_path / 'elsewhere')!r})\n    return 'left'\n"
    node = (
        "from ste_graph.node import Node, NodeOutputs\n\n\nclass Leave(Node):\n    class Outputs(NodeOutputs):\n"
        "        text: str\n\n    async def __call__(self, inputs, ctx):\n"
        "        return self.Outputs(text=(await ctx.call_tool('leave', {})).text)\n"
    )
    workflow = (
        "dsl: 2\nname: leaving\nplugins: [leaving.py]\n"
        "tools: [{use: python, module: tools.py, effects: {leave: read}}]\n"
        "nodes: {leave: {use: leaving.Leave}}\ngraph: [{repeat: turn, times: 2, do: [leave]}]\n"
    )
    for name, text in {"tools.py": tools, "leaving.py": node, "leaving.yaml": workflow}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    summary = ste.load("leaving.yaml").run(out="run")
    assert (summary.complete, summary.run) == (True, Path("run"))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert ste.open_run(tmp_path / "run").summary().used.tool_calls == 2
