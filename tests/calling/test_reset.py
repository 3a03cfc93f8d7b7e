"""`reset:` before each pass of a loop, so that trials start from a known state."""

import asyncio
import shutil

import pytest

import ste_graph as ste
from ste_graph.errors import WorkflowError

CLEARING = '''

@ste.tool(effect="destructive")
def clear(to: int = 0) -> str:
    """Set the sum."""
    (HERE / "sum.txt").write_text(str(to))
    with (HERE / "calls.txt").open("a") as calls:
        calls.write("-1\\n")
    return "cleared"
'''

CLEARED = -1
"""The mark of a reset among the calls."""


def trial(call, *numbers: int) -> list[str]:
    return ["Add", *(call(n) for n in numbers), "Final Answer: done", "Yes"]


def sums(project, out: str = "run") -> list[list[str]]:
    ordered = sorted(project.trials(out), key=lambda trial: (trial["episode"], trial["trial"]))
    return [[step["observation"]["text"] for step in trial["steps"]] for trial in ordered]


@pytest.fixture
def stateful(project):
    tools = (project.folder / "tools.py").read_text().replace('effect="read"', 'effect="write"')
    project.write(**{"tools.py": tools + CLEARING})
    return project


def run(project, *replies: str, before: str = "trial", out: str = "run", **more):
    if replies:
        project.replies(*replies)
    return (project.record_replies if more.pop("record", False) else project.run)(
        out,
        allow=["add"],
        params__episodes=2,
        params__trials=2,
        reset=more.pop("reset", {"before": before, "tool": "clear"}),
        **more,
    )


@pytest.mark.parametrize(
    ("before", "seen", "made"),
    [
        ("trial", [["1", "3"]] * 4, [CLEARED, 1, 2] * 4),
        ("episode", [["1", "3"], ["4", "6"]] * 2, [CLEARED, 1, 2, 1, 2] * 2),
        ("tool", [["1", "3"], ["4", "6"], ["7", "9"], ["10", "12"]], [CLEARED, *[1, 2] * 4]),
    ],
)
def test_the_tools_are_reset_before_each_pass_and_only_then(stateful, call, before, seen, made):
    summary = run(stateful, *trial(call, 1, 2) * 4, before=before)
    assert not summary.failed
    assert sums(stateful) == seen
    assert stateful.called() == made
    assert summary.used.tool_calls == 8
    assert list(summary.skipped) == ["clear"]


def test_a_command_resets_too_in_the_workflows_folder_with_the_units_name(stateful, call):
    reset = {"before": "trial", "command": ["sh", "-c", "echo 10 > sum.txt; echo $STE_UNIT >> units.txt"]}
    run(stateful, *trial(call, 1) * 4, reset=reset)
    assert sums(stateful) == [["11"]] * 4
    assert (stateful.folder / "units.txt").read_text() == "add\n" * 4


def test_a_run_that_is_stopped_within_a_pass_goes_on_with_the_state_it_had(stateful, call):
    run(stateful, *trial(call, 1, 2) * 4, before="episode", out="whole", record=True)
    assert sums(stateful, "whole") == [["1", "3"], ["4", "6"]] * 2
    for stop in range(1, 20):
        out = f"stopped-{stop}"
        stopped = run(stateful, before="episode", out=out, budget={"model_calls": stop})
        assert stopped.stopped_by == "budget"
        (stateful.folder / "sum.txt").write_text("999")  # whatever the tools did meanwhile
        run(stateful, before="episode", out=out)
        assert sums(stateful, out) == [["1", "3"], ["4", "6"]] * 2, stop


def test_a_call_that_ended_in_an_interrupted_step_is_made_again_after_the_reset_and_keeps_its_result(stateful, call):
    run(stateful, *trial(call, 1, 2) * 4, before="episode", out="recorded", record=True)
    run(stateful, before="episode", out="whole")
    lines = (stateful.folder / "whole" / "units" / "add.jsonl").read_text("utf-8").splitlines(keepends=True)
    cuts = [number for number, line in enumerate(lines, start=1) if '"call_ended"' in line]
    assert len(cuts) == 8
    for cut in cuts:
        out = f"cut-{cut}"
        shutil.copytree(stateful.folder / "whole", stateful.folder / out)
        (stateful.folder / out / "units" / "add.jsonl").write_text("".join(lines[:cut]), "utf-8")
        (stateful.folder / "sum.txt").write_text("999")
        summary = run(stateful, before="episode", out=out)
        assert (sums(stateful, out), summary.calls) == ([["1", "3"], ["4", "6"]] * 2, {"ok": 8}), cut


def test_a_state_that_cannot_be_restored_fails_the_unit(stateful, call):
    run(stateful, *trial(call, 1, 2) * 4, before="episode", out="whole", record=True)
    run(stateful, before="episode", budget={"model_calls": 3})
    tools = stateful.folder / "tools.py"
    original = tools.read_text()
    broken = original.replace("    sum_file =", '    raise ValueError("gone")\n    sum_file =', 1)
    tools.write_text(broken)
    summary = run(stateful, before="episode", accept_changes=True)
    assert summary.failed["add"].endswith(
        "the state in which the pass goes on cannot be restored: call 1 of the pass, of `add`, ended as ok "
        "then and as tool_error now"
    )


@pytest.mark.parametrize(
    ("reset", "said"),
    [
        ({"command": ["sh", "-c", "echo no room >&2; exit 3"]}, "the reset command `sh` ended with 3: no room"),
        ({"command": ["no-such-program"]}, "the reset command `no-such-program` cannot be started: No such file"),
        ({"command": ["sleep", "9"]}, "the reset command `sleep` did not end within 0.3 s"),
    ],
)
def test_a_reset_that_fails_fails_the_unit(stateful, call, reset, said):
    summary = run(stateful, *trial(call, 1) * 4, reset={"before": "trial", **reset}, limits={"timeout_s": 0.3})
    assert said in summary.failed["add"]
    assert stateful.called() == []


@pytest.mark.parametrize(
    ("reset", "said"),
    [
        ({"tool": "claer"}, r"`reset` names `claer`, which is not a tool; did you mean `clear`\? tools: add, clear"),
        ({"tool": "clear", "arguments": {"to": "zero"}}, "`reset`: Invalid arguments for `clear`:\n- `to`: expected "),
        ({"before": "trail", "tool": "clear"}, "unknown loop `trail` in `reset`"),
        ({"tool": "clear", "command": ["a"]}, "`reset` has both `tool` and `command`"),
        ({}, "`reset` has neither `tool` nor `command`"),
        ({"command": ["a"], "arguments": {"a": 1}}, "`arguments` belong to `tool`, not to `command`"),
    ],
)
def test_an_invalid_reset_is_an_error_before_anything_is_spent(stateful, call, reset, said):
    with pytest.raises(WorkflowError, match=said):
        run(stateful, *trial(call, 1), reset={"before": "trial", **reset})
    assert not (stateful.folder / "run").exists()


def test_neither_a_dry_run_nor_a_replay_resets(stateful, call):
    cassette = {"path": str(stateful.folder / "c"), "mode": "record"}
    run(stateful, *trial(call, 1, 2) * 4, cassette=cassette, out="recorded")
    before = stateful.called()
    stateful.run(
        "dry",
        dry_run=True,
        reset={"before": "trial", "tool": "clear"},
        allow=["add"],
        models__explorer={"use": "simulated"},
    )
    run(stateful, cassette={**cassette, "mode": "replay"}, out="replayed")
    assert stateful.called() == before
    assert stateful.trials("replayed") == stateful.trials("recorded")


def test_units_of_a_run_with_a_reset_run_one_after_another(stateful, call):
    second = '\n\n@ste.tool(effect="write")\nasync def wait() -> str:\n    "Wait."\n    return "waited"\n'
    tools = stateful.folder / "tools.py"
    tools.write_text(tools.read_text() + second)
    workflow = ste.load(
        stateful.folder / "workflow.yaml",
        set={
            "allow": ["write"],
            "models.explorer": {"use": "simulated"},
            "reset": {"before": "tool", "command": ["sh", "-c", "echo $STE_UNIT >> units.txt"]},
        },
    )
    summary = asyncio.run(workflow.arun(stateful.folder / "run", concurrency=8))
    assert not summary.failed
    logs = [(stateful.folder / "run" / "units" / f"{unit}.jsonl").read_text("utf-8") for unit in ("add", "wait")]
    times = [[part.split('"')[0] for part in log.split('"started":"')[1:]] for log in logs]
    assert max(times[0]) <= min(times[1]) or max(times[1]) <= min(times[0])
