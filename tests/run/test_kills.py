"""Runs that are killed with SIGKILL, at named places and by the growth of their logs, and taken up again."""

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TOOLS = '''
from pathlib import Path

import ste_graph as ste
from ste_graph.run.unit.write_ahead import current_call


@ste.tool(effect="read")
def area(width: int, height: int) -> int:
    """The area of a rectangle."""
    return width * height


@ste.tool(effect="read")
def initials(name: str) -> str:
    """The initials of a name."""
    if " " not in name:
        raise ValueError("a name has two words at least")
    return "".join(word[0] for word in name.split())


@ste.tool(effect="write")
async def send(text: str, copies: int) -> str:
    """Send a text so many times."""
    log, call = current_call.get()
    with (Path(__file__).parent / "sent.txt").open("a") as sent:
        sent.write(call + "\\n")
    return "sent"
'''

WORKFLOW = """
extends: {base}
name: killed
params: {{episodes: 2, trials: 2, turns: 3}}
models: {{explorer: {{use: simulated}}}}
tools: [{{use: python, module: tools.py, include: {include}}}]
"""

NAMED = [
    ["before the lock file", 1],
    ["growth", 3000],
    ["before a log write", 5],
    ["within a log write", 6],
    ["after a log write", 8],
    ["before fsync", 2],
    ["after fsync", 1],
    ["between log and journal", 1],
    ["between log and Chroma", 1],
]


@pytest.fixture
def read_only(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS)
    workflow = tmp_path / "workflow.yaml"
    workflow.write_text(WORKFLOW.format(base=ROOT / "workflows" / "explore.yaml", include="[area, initials]"))
    return workflow


@pytest.fixture
def writing(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS)
    workflow = tmp_path / "workflow.yaml"
    workflow.write_text(WORKFLOW.format(base=ROOT / "workflows" / "paper.yaml", include="[send]") + "allow: [write]\n")
    return workflow


def steps(out: Path) -> list[str]:
    """The keys of all finished steps, by unit."""
    lines = [
        (file.stem, json.loads(line))
        for file in out.glob("units/*.jsonl")
        for line in file.read_text("utf-8").splitlines()
    ]
    return [f"{unit}: {line['key']}" for unit, line in lines if "key" in line]


def indexed(out: Path) -> list[str]:
    """The ids in the index of long-term memory."""
    with closing(sqlite3.connect(out / "memory" / "long_term" / "chroma.sqlite3")) as index:
        return sorted(id for (id,) in index.execute("select embedding_id from embeddings"))


def test_a_killed_run_ends_as_if_nothing_had_happened(
    nursery, read_only: Path, tmp_path: Path, journal: Callable
) -> None:
    assert not nursery.run(read_only, tmp_path / "whole")
    killed = [nursery.run(read_only, tmp_path / "killed", kill) for kill in NAMED]
    assert killed == [True] * len(NAMED)
    assert not nursery.run(read_only, tmp_path / "killed")
    assert journal(tmp_path / "killed") == journal(tmp_path / "whole")
    assert sorted(steps(tmp_path / "killed")) == sorted(steps(tmp_path / "whole"))
    assert indexed(tmp_path / "killed") == [trial["id"] for trial in journal(tmp_path / "whole")]


@pytest.fixture
def waves(read_only: Path) -> Path:
    """A workflow whose episodes run side by side, in two waves of two."""
    text = read_only.read_text("utf-8").replace("episodes: 2", "episodes: 4")
    read_only.write_text(f"{text}set: {{graph.episode.parallel: 2}}\n", "utf-8")
    return read_only


def in_order(out: Path) -> dict[str, list[str]]:
    """The ids of each unit's records, as the journal has them."""
    units: dict[str, list[str]] = {}
    for line in map(json.loads, (out / "journal.jsonl").read_text("utf-8").splitlines()):
        units.setdefault(line["tool"], []).append(line["id"])
    return units


def test_a_run_that_is_killed_in_a_wave_ends_as_if_nothing_had_happened(
    nursery, waves: Path, tmp_path: Path, journal: Callable
) -> None:
    assert not nursery.run(waves, tmp_path / "whole")
    places = [["growth", 1500], ["before a log write", 12], ["within a log write", 9], ["between log and journal", 2]]
    places += [["between log and Chroma", 1], ["after a log write", 6], ["after fsync", 3]]
    # How much is left after a kill depends on what the others of the wave had done: a late place may not be reached.
    assert sum(nursery.run(waves, tmp_path / "killed", kill) for kill in places) >= 5
    assert not nursery.run(waves, tmp_path / "killed")
    assert journal(tmp_path / "killed") == journal(tmp_path / "whole")
    assert in_order(tmp_path / "killed") == in_order(tmp_path / "whole")
    assert sorted(steps(tmp_path / "killed")) == sorted(steps(tmp_path / "whole"))
    assert indexed(tmp_path / "killed") == [trial["id"] for trial in journal(tmp_path / "whole")]


def test_a_call_that_may_have_taken_effect_is_never_made_again(
    nursery, writing: Path, tmp_path: Path, journal: Callable
) -> None:
    assert nursery.run(writing, tmp_path / "run", ["after a tool's call", 2])
    assert not nursery.run(writing, tmp_path / "run")
    sent = (tmp_path / "sent.txt").read_text().splitlines()
    assert [call for call, count in Counter(sent).items() if count > 1] == []
    kinds = [
        step["observation"]["kind"]
        for trial in journal(tmp_path / "run")
        for step in trial["steps"]
        if step["observation"]
    ]
    assert kinds.count("interrupted") == 1
    assert kinds.count("ok") + 1 == len(sent)


def test_a_run_that_is_killed_while_it_closes_is_not_finished_before_its_index_is(
    nursery, read_only: Path, tmp_path: Path, journal: Callable
) -> None:
    assert nursery.run(read_only, tmp_path / "run", ["before a memory closes", 1])
    assert all('"done"' in log.read_text("utf-8") for log in tmp_path.glob("run/units/*"))
    assert not nursery.run(read_only, tmp_path / "run")
    assert indexed(tmp_path / "run") == [trial["id"] for trial in journal(tmp_path / "run")]


@pytest.mark.slow
def test_sixty_kills_change_nothing(nursery, read_only: Path, tmp_path: Path, journal: Callable) -> None:
    chance = random.Random(5)
    assert not nursery.run(read_only, tmp_path / "whole")
    growth = (sum(file.stat().st_size for file in tmp_path.glob("whole/units/*.jsonl"))) // 6
    kills = number = 0
    while kills < 60:
        out = tmp_path / f"killed{number}"
        number += 1
        for _ in range(8):
            kill = (
                ["growth", chance.randrange(growth)]
                if chance.random() < 0.6
                else [chance.choice(NAMED)[0], chance.randrange(1, 20)]
            )
            if not nursery.run(read_only, out, kill):
                break
            kills += 1
        nursery.run(read_only, out)
        assert journal(out) == journal(tmp_path / "whole")
        assert sorted(steps(out)) == sorted(steps(tmp_path / "whole"))


@pytest.mark.slow
def test_no_kill_makes_a_writing_tool_act_twice(nursery, writing: Path, tmp_path: Path, journal: Callable) -> None:
    chance = random.Random(6)
    places = ["before a log write", "after a log write", "before fsync", "after fsync", "after a tool's call"]
    for number in range(6):
        out = tmp_path / f"run{number}"
        (tmp_path / "sent.txt").unlink(missing_ok=True)
        for _ in range(5):
            nursery.run(writing, out, [chance.choice(places), chance.randrange(1, 8)])
        nursery.run(writing, out)
        sent = (tmp_path / "sent.txt").read_text().splitlines()
        assert len(set(sent)) == len(sent)
        log = (out / "units" / "send.jsonl").read_text("utf-8")
        started = [json.loads(line) for line in log.splitlines() if line.startswith('{"call_started"')]
        assert set(sent) <= {line["call_started"] for line in started}
