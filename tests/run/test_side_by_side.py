"""`parallel: n`: passes of a loop side by side, in waves; what they give does not depend on who is first."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.compile.walk import WalkedGraph
from ste_graph.run.context import Watcher
from ste_graph.run.execution import execute
from ste_graph.run.forks.fork import Fork
from ste_graph.run.logs.logged_step import LoggedStep

NODES = '''
import asyncio
import json
import random
from pathlib import Path

import ste_graph as ste
from ste_graph.contracts import RecordView
from ste_graph.node import Node, NodeOutputs

HERE = Path(__file__).parent


class Think(Node):
    """Takes its time, as `delays.json` says, and gives what it remembers; it fails where `fail.txt` says."""

    past: RecordView

    class Outputs(NodeOutputs):
        text: str
        number: int

    async def __call__(self, inputs, ctx):
        place = str(ctx._key)
        delays = json.loads((HERE / "delays.json").read_text())
        entries = [entry.record["said"] for entry in await self.past.entries()]
        with (HERE / "begun.txt").open("a") as begun:
            begun.write(place + "\\n")
        for _ in range(random.Random(f"{delays} {place} {ctx._unit.name}").randrange(12) if delays else 0):
            await asyncio.sleep(0)
        if (HERE / "fail.txt").exists() and (HERE / "fail.txt").read_text() == place:
            raise ValueError("no idea")
        return self.Outputs(text=f"{place}: {' | '.join(text.partition(':')[0] for text in entries)}", number=ctx.seed)


class Thought(ste.Record):
    said: str
    number: int

    @property
    def text(self):
        return self.said


class Whole(ste.Record):
    parts: list
    last: int
'''

WORKFLOW = """
dsl: 2
name: waving
params: {episodes: 5, trials: 2, parallel: 2}
plugins: [nodes.py]
memory:
  past: {use: list, of: nodes.Thought, lives: item}
nodes:
  think: {use: nodes.Think, past: past}
graph:
  - map: item
    over: "[1, 2]"
    do:
      - repeat: episode
        times: params.episodes
        parallel: params.parallel
        do:
          - repeat: trial
            times: params.trials
            do:
              - think
              - record: nodes.Thought
                as: {said: think.text, number: think.number}
      - record: nodes.Whole
        as: {parts: {each: [think]}, last: think.number}
variants:
  in-order: {graph.episode.parallel: 1}
  three: {graph.episode.parallel: 3}
  nested: {graph.trial.parallel: 2, params.trials: 3}
  chroma: {memory.past.use: chroma}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes.py").write_text(NODES, "utf-8")
    (tmp_path / "waving.yaml").write_text(WORKFLOW, "utf-8")
    (tmp_path / "delays.json").write_text("0")
    return tmp_path


def load(folder: Path, variant: str | None = None, **changes: Any) -> ste.Experiment:
    return ste.load(folder / "waving.yaml", variant=variant, set=changes.get("set", {}))


def run(folder: Path, out: str, variant: str | None = None, **changes: Any) -> Path:
    assert load(folder, variant, **changes).run(out=folder / out).complete
    return folder / out


def journals(run: Path) -> dict[str, list[dict]]:
    """The records of each unit, in the order in which they stand in the journal, without times."""
    units: dict[str, list[dict]] = {}
    for text in (run / "journal.jsonl").read_text("utf-8").splitlines():
        line = {key: value for key, value in json.loads(text).items() if key not in ("started", "ended")}
        units.setdefault(line["item"], []).append(line)
    return units


def seen(run: Path, unit: str = "1") -> dict[str, list[str]]:
    """Per trial of a unit, as `EPISODE.TRIAL`: the trials that its node saw in the memory."""
    found = {}
    for line in journals(run)[unit]:
        if line["record"] == "nodes.Thought":
            told = line["said"].partition(": ")[2]
            places = [place.split() for place in told.split(" | ")] if told else []
            found[f"{line['episode']}.{line['trial']}"] = [
                f"{episode.removeprefix('episode=')}.{trial.removeprefix('trial=')}" for _, episode, trial in places
            ]
    return found


def test_a_memory_is_read_as_it_stood_when_the_wave_began_with_the_own_entries_of_the_pass(folder: Path) -> None:
    told = seen(run(folder, "run"))
    first = ["0.0", "0.1", "1.0", "1.1"]
    assert told["0.0"] == told["1.0"] == []
    assert told["0.1"] == ["0.0"]
    assert told["1.1"] == ["1.0"]
    assert told["2.0"] == told["3.0"] == first
    assert told["3.1"] == [*first, "3.0"]
    assert told["4.1"] == [*first, "2.0", "2.1", "3.0", "3.1", "4.0"]


@pytest.mark.parametrize("variant", [None, "three", "nested", "chroma"])
def test_nothing_depends_on_how_long_each_step_takes(folder: Path, variant: str | None) -> None:
    expected = journals(run(folder, "still", variant))
    for delays in (1, 2, 3):
        (folder / "delays.json").write_text(str(delays))
        assert journals(run(folder, f"run{delays}", variant)) == expected


def test_waves_walked_one_pass_after_another_give_the_same(folder: Path) -> None:
    run(folder, "run", "nested")
    asyncio.run(execute(load(folder, "nested").workflow, folder / "walked", compile_unit=WalkedGraph))
    assert journals(folder / "walked") == journals(folder / "run")


def test_waves_of_one_pass_are_the_loop_in_order(folder: Path) -> None:
    told = seen(run(folder, "run", "in-order"))
    places = list(told)
    assert places == [f"{episode}.{trial}" for episode in range(5) for trial in range(2)]
    assert [told[place] for place in places] == [places[:number] for number in range(10)]


def test_the_journal_has_the_records_of_a_unit_in_the_order_of_the_passes(folder: Path) -> None:
    (folder / "delays.json").write_text("7")
    for lines in journals(run(folder, "run")).values():
        trials = [(line["episode"], line["trial"]) for line in lines[:-1]]
        assert trials == [(episode, trial) for episode in range(5) for trial in range(2)]
        assert lines[-1]["record"] == "nodes.Whole"


def test_what_a_record_gathers_after_the_loop_is_in_the_order_of_the_passes(folder: Path) -> None:
    (folder / "delays.json").write_text("5")
    lines = journals(run(folder, "run"))["1"]
    assert [part["number"] for part in lines[-1]["parts"]] == [line["number"] for line in lines[:-1]]
    assert lines[-1]["last"] == lines[-2]["number"]


@pytest.mark.parametrize("variant", [None, "nested", "chroma"])
def test_a_run_that_ends_after_any_line_of_its_log_goes_on_to_the_same_journal(
    folder: Path, variant: str | None
) -> None:
    (folder / "delays.json").write_text("3")
    whole = run(folder, "whole", variant, set={"params.episodes": 4})
    expected = journals(whole)
    (log,) = (
        path for path in (whole / "units").iterdir() if json.loads(path.read_text().split("\n")[0])["unit"] == "1"
    )
    lines = log.read_text().splitlines(keepends=True)
    for count in range(1, len(lines), 3 if variant is None else 7):
        again = folder / f"again{count}"
        shutil.copytree(whole, again)
        (again / "units" / log.name).write_text("".join(lines[:count]))
        (folder / "begun.txt").unlink()
        (folder / "delays.json").write_text(str(count))
        assert load(folder, variant, set={"params.episodes": 4}).run(out=again).complete
        assert journals(again) == expected
        finished = [json.loads(line).get("key", "") for line in lines[:count]]
        begun = (folder / "begun.txt").read_text().splitlines() if (folder / "begun.txt").exists() else []
        assert not {key for key in finished if key.startswith("think")} & set(begun), "a finished step is not run again"
        (folder / "begun.txt").touch()


def test_a_pass_that_fails_stops_the_others_and_what_was_finished_is_kept(folder: Path) -> None:
    expected = journals(run(folder, "whole"))
    (folder / "fail.txt").write_text("think episode=2 trial=1")
    (folder / "delays.json").write_text("4")
    summary = load(folder).run(out=folder / "run")
    assert set(summary.failed) == {"1", "2"}
    assert "item=1 episode 2 trial 1: ValueError: no idea" in summary.failed["1"]
    kept = [(line["episode"], line["trial"]) for line in journals(folder / "run")["1"]]
    assert kept == sorted(kept), "the journal has what the log has, in order of the passes"
    assert (2, 0) in kept
    (folder / "fail.txt").unlink()
    assert load(folder).run(out=folder / "run").complete
    assert journals(folder / "run") == expected


def test_a_fork_in_the_middle_of_a_wave_sees_what_the_wave_saw(folder: Path) -> None:
    (folder / "delays.json").write_text("6")
    whole = run(folder, "whole")
    expected = journals(whole)
    for at in ("episode=3,trial=1", "episode=3", "episode=1,trial=0"):
        (folder / "begun.txt").unlink()
        out = folder / f"fork-{at}"
        assert load(folder).run(out=out, fork=Fork(whole, at)).complete
        assert journals(out) == expected
        episode = int(at[8])
        begun = (folder / "begun.txt").read_text()
        assert f"episode={episode - 1} " not in begun, "what came before the point is taken over"
        assert "episode=4 trial=0" in begun


def test_a_fork_goes_on_in_waves_from_a_run_that_had_none(folder: Path) -> None:
    whole = run(folder, "whole", "in-order")
    out = folder / "fork"
    assert load(folder, "three").run(out=out, fork=Fork(whole, "episode=3")).complete
    told = seen(out)
    assert len(told["3.0"]) == len(told["4.0"]) == 6


class StopsAfter(Watcher):
    """Stops the run after so many steps."""

    def __init__(self, stop: asyncio.Event, steps: int) -> None:
        self._stop, self._left = stop, steps

    def step(self, unit: str, step: LoggedStep, *, replayed: bool) -> None:
        self._left -= 1
        if self._left == 0:
            self._stop.set()


@pytest.mark.parametrize("steps", [7, 12, 22])
def test_a_run_that_is_stopped_in_a_wave_has_in_its_journal_what_is_in_its_logs(folder: Path, steps: int) -> None:
    (folder / "delays.json").write_text("8")
    expected = journals(run(folder, "whole", "nested"))

    async def stop_early() -> None:
        stop = asyncio.Event()
        own = load(folder, "nested")
        summary = await own.arun(folder / "run", stop=stop, watcher=StopsAfter(stop, steps))
        assert summary.stopped_by == "interrupt"

    asyncio.run(stop_early())
    records = [step.key for log in ste.open_run(folder / "run").logs().values() for step in log.record_steps]
    kept = journals(folder / "run")
    assert sum(map(len, kept.values())) == len(records)
    for lines in kept.values():
        places = [(line["episode"], line["trial"]) for line in lines]
        assert places == sorted(places)
    assert load(folder, "nested").run(out=folder / "run").complete
    assert journals(folder / "run") == expected


INNER = """
dsl: 2
name: inner
plugins: [nodes.py]
memory:
  past: {use: list, of: nodes.Thought, lives: run}
nodes:
  think: {use: nodes.Think, past: past}
graph:
  - think
  - record: nodes.Thought
    as: {said: think.text, number: think.number}
"""
OUTER = """
dsl: 2
name: outer
plugins: [nodes.py]
graph:
  - repeat: round
    times: 3
    parallel: 3
    do:
      - run: inner.yaml
        with: {seed: round}
      - record: nodes.Whole
        as: {parts: {each: [inner]}, last: inner.result.number}
"""


def test_a_pass_may_run_another_workflow(folder: Path) -> None:
    (folder / "inner.yaml").write_text(INNER, "utf-8")
    (folder / "outer.yaml").write_text(OUTER, "utf-8")
    assert ste.load(folder / "outer.yaml").run(out=folder / "run").complete
    lines = [json.loads(text) for text in (folder / "run" / "journal.jsonl").read_text("utf-8").splitlines()]
    assert [line["round"] for line in lines] == [0, 1, 2]
    assert [[Path(part["run"]).name for part in line["parts"]] for line in lines] == [
        ["inner.round-0"],
        ["inner.round-1"],
        ["inner.round-2"],
    ]
    assert len({line["last"] for line in lines}) == 3, "each with a seed of its own"
