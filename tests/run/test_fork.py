"""Forks: a run that goes on from a point of another one, under another arm."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import ste_graph as ste
from ste_graph.run.forks.fork import Fork

TOOLS = '''
import ste_graph as ste


@ste.tool(effect="read")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@ste.tool(effect="read")
def shout(text: str) -> str:
    """Write a text in capitals."""
    return text.upper()
'''

NODES = """
import json
from pathlib import Path

from ste_graph.contracts import RecordView
from ste_graph.node import Node, NodeOutputs


class Try(Node):
    tool_calls = 1
    past: RecordView

    class Outputs(NodeOutputs):
        text: str
        remembered: int

    async def __call__(self, inputs, ctx):
        made = Path(__file__).parent / "made.jsonl"
        with made.open("a") as file:
            file.write(json.dumps(list(ctx.tools)) + "\\n")
        name, = ctx.tools
        arguments = {"number": ctx.seed % 100} if name == "double" else {"text": str(ctx.seed % 100)}
        seen = await ctx.call_tool(name, arguments)
        return self.Outputs(text=seen.text, remembered=len(await self.past.entries()))


class Judge(Node):
    class Outputs(NodeOutputs):
        solved: bool | None

    async def __call__(self, inputs, ctx):
        return self.Outputs(solved=ctx.seed % 2 == 0)
"""

WORKFLOW = """
dsl: 2
name: trying
params: {episodes: 4, trials: 2}
plugins: [nodes.py, answering.py]
models: {model: {use: answering.Answering, heard: heard.jsonl}}
tools: [{use: python, module: tools.py}]
memory:
  talk: {use: transcript, lives: episode}
  past: {use: list, of: trial, lives: tool}
nodes:
  attempt: {use: nodes.Try, past: past}
  think: {use: chat, model: model, prompt: think.md, transcript: talk, outputs: {text: str}}
  reflect: {use: chat, model: model, prompt: reflect.md, transcript: talk, outputs: {text: str}}
  judge: {use: nodes.Judge}
graph:
  - map: tool
    over: tools
    do:
      - repeat: episode
        times: params.episodes
        do:
          - repeat: trial
            times: params.trials
            do:
              - think
              - attempt
              - reflect
              - judge
              - record: trial
                as: {query: think.text, steps: "[]", answer: attempt.text, solved: judge.solved}
variants:
  no-reflection: {nodes.reflect: off, nodes.judge: off}
  no-memory: {memory.past: off}
  episodic: {memory.past.lives: episode}
  early: {nodes.attempt: off}
"""


@pytest.fixture
def origin(tiny: Path, tmp_path: Path) -> Path:
    """A complete run of two tools, four episodes and two trials each."""
    texts = {"tools.py": TOOLS, "nodes.py": NODES, "trying.yaml": WORKFLOW, "reflect.md": "Was it done?"}
    texts["think.md"] = "Think of {{ tool.name }}, {{ episode }}, {{ trial }}."
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert load(tmp_path).run(out=tmp_path / "origin").complete
    (tmp_path / "heard.jsonl").unlink()
    (tmp_path / "made.jsonl").unlink()
    return tmp_path / "origin"


def load(folder: Path, variant: str | None = None, **changes) -> ste.Experiment:
    return ste.load(folder / "trying.yaml", variant=variant, set=changes.get("set", {}))


def lock_file(run: Path) -> dict:
    return yaml.safe_load((run / "workflow.lock.yaml").read_text("utf-8"))


def steps(run: Path, unit: str) -> dict:
    return ste.open_run(run).logs()[unit].finished


def calls(folder: Path) -> int:
    return len((folder / "made.jsonl").read_text().splitlines()) if (folder / "made.jsonl").exists() else 0


def test_a_fork_under_the_same_arm_gives_the_journal_of_the_original(
    origin: Path, tmp_path: Path, journal: Callable, heard: Callable
) -> None:
    summary = load(tmp_path).run(out=tmp_path / "fork", fork=Fork(origin, "tool=double,episode=2"))
    assert summary.complete
    assert summary.units == 1
    assert journal(tmp_path / "fork") == [line for line in journal(origin) if line["tool"] == "double"]
    assert len(heard()) == 2 * 2 * 2, "of four episodes two are asked for, with two trials and two prompts each"
    assert calls(tmp_path) == 2 * 2
    entry = lock_file(tmp_path / "fork")["forked_from"]
    assert entry == {
        "run": ste.open_run(origin).id,
        "folder": "origin",
        "variant": None,
        "at": "tool=double,episode=2",
        "units": {"double": {"step": "think episode=2 trial=0", "steps": 20}},
        "changes": [],
    }
    assert summary.forked_from == entry
    then, now = steps(origin, "double"), steps(tmp_path / "fork", "double")
    assert list(then) == list(now)
    assert [then[key].ended == now[key].ended for key in then] == [True] * 20 + [False] * 20


def test_all_units_are_forked_where_the_point_names_none(origin: Path, tmp_path: Path, journal: Callable) -> None:
    assert load(tmp_path).run(out=tmp_path / "fork", fork=Fork(origin, "episode=1,trial=1")).complete
    assert journal(tmp_path / "fork") == journal(origin)
    units = lock_file(tmp_path / "fork")["forked_from"]["units"]
    assert {name: unit["steps"] for name, unit in units.items()} == {"double": 15, "shout": 15}


def test_a_fork_without_reflection_has_equal_records_before_the_point_and_no_reflection_after_it(
    origin: Path, tmp_path: Path, journal: Callable
) -> None:
    load(tmp_path, "no-reflection").run(out=tmp_path / "fork", fork=Fork(origin, "tool=shout,episode=2"))
    before, after = [], []
    for line in journal(tmp_path / "fork"):
        (before if line["episode"] < 2 else after).append(line)
    assert before == [line for line in journal(origin) if line["tool"] == "shout" and line["episode"] < 2]
    assert [line["solved"] for line in after] == [None] * 4
    assert not [key for key in steps(tmp_path / "fork", "shout") if key.startswith(("reflect", "judge"))]
    entry = lock_file(tmp_path / "fork")["forked_from"]
    assert entry["units"]["shout"]["left_out"] == {"judge": 4, "reflect": 4}
    assert any("nodes.reflect: " in change and 'now "off"' in change for change in entry["changes"])


def test_what_was_said_before_the_point_stays_in_the_transcript(origin: Path, tmp_path: Path) -> None:
    load(tmp_path, "no-reflection").run(out=tmp_path / "fork", fork=Fork(origin, "tool=shout,episode=2,trial=1"))
    prompts = [json.loads(line) for line in (tmp_path / "heard.jsonl").read_text("utf-8").splitlines()]
    told = [[message["content"] for message in prompt if message["role"] == "user"] for prompt in prompts]
    assert told == [
        ["Think of shout, 2, 0.", "Was it done?", "Think of shout, 2, 1."],
        ["Think of shout, 3, 0."],
        ["Think of shout, 3, 0.", "Think of shout, 3, 1."],
    ]


def test_memories_are_those_of_the_moment_with_the_lifetimes_of_the_new_arm(origin: Path, tmp_path: Path) -> None:
    point = Fork(origin, "tool=double,episode=2")
    for variant, seen in {None: [4, 5, 6, 7], "episodic": [0, 1, 0, 1], "no-memory": [0, 0, 0, 0]}.items():
        out = tmp_path / f"fork-{variant}"
        load(tmp_path, variant).run(out=out, fork=point)
        attempts = [step for key, step in steps(out, "double").items() if key.startswith("attempt")]
        assert [step.outputs["remembered"] for step in attempts] == [0, 1, 2, 3, *seen], variant
    # … and what an arm without the memory has made is there for an arm with it.
    load(tmp_path).run(out=tmp_path / "again", fork=Fork(tmp_path / "fork-no-memory", "tool=double,episode=3"))
    attempts = [step for key, step in steps(tmp_path / "again", "double").items() if key.startswith("attempt")]
    assert [step.outputs["remembered"] for step in attempts[-2:]] == [6, 7]


def test_a_fork_that_was_stopped_goes_on_as_a_fork(origin: Path, tmp_path: Path, journal: Callable) -> None:
    point, out = Fork(origin, "tool=double,episode=1"), tmp_path / "fork"
    tight = {"budget.model_calls": 11}
    assert load(tmp_path, set=tight).run(out=out, fork=point).stopped_by == "budget"
    assert load(tmp_path).run(out=out, fork=point).complete
    assert journal(out) == [line for line in journal(origin) if line["tool"] == "double"]
    assert load(tmp_path).run(out=out).complete, "the lock file says what it is a fork of"
    with pytest.raises(
        ste.WorkflowError, match=r"is a fork of the run [0-9a-f]{16} \(origin\) at tool=double,episode=1"
    ):
        load(tmp_path).run(out=out, fork=Fork(origin, "tool=double,episode=2"))


def test_a_fork_that_was_killed_before_it_began_begins_anew(origin: Path, tmp_path: Path, journal: Callable) -> None:
    point, out = Fork(origin, "tool=double,episode=2"), tmp_path / "fork"
    load(tmp_path).run(out=out, fork=point)
    lock = lock_file(out)
    lock["forked_from"]["begun"] = False
    (out / "workflow.lock.yaml").write_text(yaml.safe_dump(lock))
    log = out / "units" / "double.jsonl"
    log.write_text("".join(log.read_text("utf-8").splitlines(keepends=True)[:3]))
    with pytest.raises(ste.WorkflowError, match="a fork was stopped here before it began; run it again with --from"):
        load(tmp_path).run(out=out)
    assert load(tmp_path).run(out=out, fork=point).complete
    assert journal(out) == [line for line in journal(origin) if line["tool"] == "double"]


def test_a_fork_may_go_beyond_the_end_of_the_original(origin: Path, tmp_path: Path) -> None:
    longer = load(tmp_path, set={"params.episodes": 6})
    assert longer.run(out=tmp_path / "fork", fork=Fork(origin, "tool=double,episode=4")).complete
    assert calls(tmp_path) == 4
    with pytest.raises(ste.WorkflowError, match="there is no episode 5 in that run; it has 0 to 3"):
        longer.run(out=tmp_path / "other", fork=Fork(origin, "tool=double,episode=5"))


REFUSALS = {
    "tool=doubel,episode=1": "has no `doubel`; did you mean `double`? it has: double, shout",
    "tool=double,episod=1": "no loop is named `episod`; did you mean `episode`? it has: tool, episode, trial",
    "tool=double": "it names no pass, so that nothing would be replayed; expected as in `tool=NAME,episode=1`",
    "tool=double,episode": "it names no pass, so that nothing would be replayed",
    "tool=double,episode=two": "`episode=two`: expected the number of a pass, from 0, as `ste show` prints it",
    "tool=double,episode=-1": "`episode=-1`: expected the number of a pass",
    "tool=double,trial=1": "`trial` runs in `episode`, whose pass is missing; expected `episode=N,trial=1`",
    "tool=double,episode=4": "there is no episode 4 in that run; it has 0 to 3",
    "tool=double,episode=3,trial=2": "there is no trial 2 in episode 3 in that run; it has 0 to 1",
    "tool=double,episode=0": "nothing comes before it, so that a fork would be a new run",
}


@pytest.mark.parametrize("at", REFUSALS)
def test_a_point_that_is_none_is_refused_with_what_there_is(origin: Path, tmp_path: Path, at: str) -> None:
    with pytest.raises(ste.WorkflowError, match=re.escape(REFUSALS[at])) as caught:
        load(tmp_path).run(out=tmp_path / "fork", fork=Fork(origin, at))
    assert at in str(caught.value)
    assert not (tmp_path / "fork").exists()
    assert calls(tmp_path) == 0


def test_a_point_beyond_the_log_of_a_run_that_is_not_complete_is_refused(origin: Path, tmp_path: Path) -> None:
    load(tmp_path, set={"budget.model_calls": 7}).run(out=tmp_path / "part", concurrency=1)
    with pytest.raises(
        ste.WorkflowError,
        match=r"episode 3 is beyond the log of that run, which is not complete; it has 0 to 1\. Continue that run",
    ):
        load(tmp_path).run(out=tmp_path / "fork", fork=Fork(tmp_path / "part", "tool=double,episode=3"))
    assert load(tmp_path).run(out=tmp_path / "fork", fork=Fork(tmp_path / "part", "tool=double,episode=1")).complete


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"graph.trial.times": 3},
            "`double`: under this arm the step `think episode=0 trial=2` comes before the point",
        ),
        (
            {"graph.trial.times": 1},
            "`double`: the step `think episode=0 trial=1` ran before the point, and would not run",
        ),
        ({"nodes.think.outputs": {"text": "str", "more": "str"}}, "`think` has text, more"),
        ({"params.episodes": 2}, "under this arm, episode 2 does not begin"),
    ],
)
def test_an_arm_whose_steps_before_the_point_would_differ_is_refused_with_the_place(
    origin: Path, tmp_path: Path, changes: dict, words: str
) -> None:
    with pytest.raises(ste.WorkflowError) as caught:
        load(tmp_path, set=changes).run(out=tmp_path / "fork", fork=Fork(origin, "tool=double,episode=2"))
    assert str(caught.value).startswith(f"{origin} cannot be forked at tool=double,episode=2 under this arm: ")
    assert words in str(caught.value)


def test_an_arm_with_a_node_that_never_ran_before_is_refused(origin: Path, tmp_path: Path) -> None:
    load(tmp_path, "no-reflection").run(out=tmp_path / "without")
    with pytest.raises(ste.WorkflowError, match="under this arm `reflect` runs before the point, which it never did"):
        load(tmp_path).run(out=tmp_path / "fork", fork=Fork(tmp_path / "without", "tool=double,episode=2"))


def test_a_tool_that_has_changed_is_refused_or_accepted_and_named(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS.replace("Double a number.", "Add it to itself."))
    point = Fork(origin, "tool=double,episode=2")
    with pytest.raises(
        ste.WorkflowError, match=r"(?s)add --accept-changes to go on under it:\n.*tool `double` has changed"
    ):
        load(tmp_path).run(out=tmp_path / "fork", fork=point)
    assert load(tmp_path).run(out=tmp_path / "other", fork=Fork(origin, "tool=shout,episode=2")).complete
    assert load(tmp_path).run(out=tmp_path / "fork", fork=point, accept_changes=True).complete
    assert "tool `double` has changed" in lock_file(tmp_path / "fork")["forked_from"]["changes"]


def test_data_that_both_have_must_be_the_same_and_an_arm_may_bring_its_own(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    data = {"data": {"rows": {"use": "rows", "path": str(tmp_path / "rows.jsonl")}}}
    at = "tool=double,episode=2"
    assert load(tmp_path, set=data).run(out=tmp_path / "fork", fork=Fork(origin, at)).complete
    (tmp_path / "rows.jsonl").write_text('{"a": 2}\n')
    with pytest.raises(ste.WorkflowError, match=r"something has changed:\n  data `rows` has changed$"):
        load(tmp_path, set=data).run(out=tmp_path / "other", fork=Fork(tmp_path / "fork", at))


def test_what_is_no_run_or_of_another_version_or_a_dry_run_is_refused(origin: Path, tmp_path: Path) -> None:
    at = "tool=double,episode=2"
    with pytest.raises(ste.WorkflowError, match=r"--from .*nothing: is not the folder of a run"):
        load(tmp_path).run(out=tmp_path / "fork", fork=Fork(tmp_path / "nothing", at))
    with pytest.raises(ste.WorkflowError, match="is not a dry run, and the fork is one"):
        load(tmp_path).run(out=tmp_path / "fork", fork=Fork(origin, at), dry_run=True)
    with pytest.raises(ste.WorkflowError, match="is a run that was not forked; give another folder with --out"):
        load(tmp_path).run(out=origin, fork=Fork(origin, at))
    lock = origin / "workflow.lock.yaml"
    lock.write_text(lock.read_text("utf-8").replace("format: 4\n", "format: 5\n"), "utf-8")
    with pytest.raises(ste.WorkflowError, match="made by a newer version of ste-graph"):
        load(tmp_path).run(out=tmp_path / "fork", fork=Fork(origin, at))
    assert not (tmp_path / "fork").exists()


def test_a_tool_that_may_have_changed_something_is_named(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS.replace('effect="read"', 'effect="write"'))
    allowing = {"allow": ["write"]}
    load(tmp_path, set=allowing).run(out=tmp_path / "writing")
    summary = load(tmp_path, set=allowing).run(
        out=tmp_path / "fork", fork=Fork(tmp_path / "writing", "tool=double,episode=2")
    )
    assert "`double` may have changed something before the point: its state is as it is now, not as it was then" in (
        summary.remarks
    )


def test_the_command_line_forks_and_shows_the_origin(
    ste: Callable, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    at = "tool=double,episode=2"
    done = ste("run", "trying.yaml", "--from", "origin", "--at", at, "--variant", "no-reflection")
    assert (done.code, done.err.count("error")) == (0, 0)
    folder = "runs/trying.no-reflection.at.tool-double-episode-2"
    line = r"forked from +run [0-9a-f]{16} \(origin\), at tool=double,episode=2; 12 steps taken over, without "
    assert re.search(line + "4 of `judge`, 4 of `reflect`", done.out)
    assert folder in done.out
    assert re.match(line.replace(" +", " "), ste("show", folder).out)
    data = json.loads(ste("run", "trying.yaml", "--from", "origin", "--at", at, "--format", "json", "--out", "x").out)
    assert data["forked_from"]["units"] == {"double": {"step": "think episode=2 trial=0", "steps": 20}}
    for half in (["--from", "origin"], ["--at", at]):
        refused = ste("run", "trying.yaml", *half)
        assert (refused.code, "give both" in refused.err) == (2, True)
