"""Record and replay: a replayed run is the recorded one, and asks no model and calls no tool."""

import json
from pathlib import Path

import pytest

from ste_graph.errors import RunError, WorkflowError

BROKEN = '''
import ste_graph as ste


@ste.tool(effect="EFFECT")
def add(n: int) -> int:
    """Add a number to the sum."""
    raise AssertionError("a replay calls no tool")
'''


def recorded(project, *said, effect: str = "read", **more):
    tools = project.folder / "tools.py"
    tools.write_text(tools.read_text().replace('effect="read"', f'effect="{effect}"'))
    project.replies(*said)
    summary = project.run("recorded", cassette={"path": str(project.folder / "c"), "mode": "record"}, **more)
    project.write(**{"tools.py": BROKEN.replace("EFFECT", effect)})
    (project.folder / "replies.jsonl").unlink()
    return summary


def replayed(project, out: str = "replayed", **more):
    return project.run(out, cassette={"path": str(project.folder / "c"), "mode": "replay"}, **more)


def test_a_replayed_run_has_the_same_journal_without_model_and_tool(project, call):
    said = ("Add", call(2), call(2), "Final Answer: 4", "Yes") * 3
    first = recorded(project, *said, params__trials=3)
    second = replayed(project, params__trials=3)
    assert project.trials("replayed") == project.trials("recorded")
    assert (second.used, second.calls) == (first.used, first.calls)
    assert project.called() == [2] * 6


@pytest.mark.parametrize("effect", ["write", "destructive"])
def test_a_tool_with_a_state_is_replayed_by_its_place(project, call, effect):
    recorded(project, "Add", call(1), call(1), call(1), "Final Answer: 3", "Yes", effect=effect, allow=[effect])
    replayed(project, allow=[effect])
    assert [step["observation"]["text"] for step in project.trials("replayed")[0]["steps"]] == ["1", "2", "3"]


def test_errors_of_tools_and_models_are_recorded_too(project, call):
    tools = project.folder / "tools.py"
    tools.write_text(
        tools.read_text().replace("    sum_file =", '    if n < 0:\n        raise ValueError("no")\n    sum_file =', 1)
    )
    first = recorded(project, "Add", call(-1), call(1))
    second = replayed(project)
    assert first.failed.keys() == second.failed.keys() == {"add"}
    assert "all its replies are given" in first.failed["add"]
    assert second.failed == first.failed
    steps = [
        json.loads(line)["outputs"]["observation"]
        for line in (project.folder / "replayed" / "units" / "add.jsonl").read_text("utf-8").splitlines()
        if '"observation"' in line
    ]
    assert [(step["kind"], step["text"]) for step in steps] == [("tool_error", "ValueError: no"), ("ok", "1")]


def test_what_was_refused_by_the_person_asked_is_refused_in_a_replay_too(project, call):
    recorded(project, "Add", call(1), "Final Answer: no", "No", effect="write", allow="ask")
    replayed(project, allow="ask")
    assert project.trials("replayed") == project.trials("recorded")
    assert project.trials("replayed")[0]["steps"][0]["observation"]["kind"] == "refused"


def test_a_request_that_was_not_recorded_fails_its_unit_and_is_named(project, call):
    recorded(project, "Add", call(1), "Final Answer: 1", "Yes")
    project.write(**{"reflect.md": 'Really fulfilled? Respond with "Yes" or "No".'})
    summary = replayed(project)
    assert summary.failed["add"].endswith(
        "models.jsonl: no reply of `recorded:replies.jsonl` is recorded for this request, whose last message is "
        '`Really fulfilled? Respond with "Yes" or "No".`; record it with `cassette.mode=record`'
    )
    assert project.called() == [1]


def test_a_tool_whose_definition_changed_is_a_miss(project, call):
    recorded(project, "Add", call(1), "Final Answer: 1", "Yes")
    project.write(**{"tools.py": BROKEN.replace("EFFECT", "read").replace("a number", "any number")})
    summary = replayed(project)
    assert summary.failed["add"].endswith(
        "tools.jsonl: no result of `add` as it is now defined is recorded for the arguments "
        '`{"n": 1}`; record it with `cassette.mode=record`'
    )


def test_a_replay_needs_no_source_of_tools(project, call):
    recorded(project, "Add", call(1), "Final Answer: 1", "Yes")
    (project.folder / "elsewhere.py").write_text("raise ImportError('not here')")
    replayed(project, tools=[{"use": "python", "module": str(project.folder / "elsewhere.py")}])
    assert project.trials("replayed") == project.trials("recorded")


def test_native_calls_are_recorded_and_replayed(project):
    call = {"tool_calls": [{"id": "c0", "name": "add", "arguments": '{"n": 5}'}]}
    native = {"nodes__call__protocol": "native"}
    recorded(project, "Add", call, "5", "Yes", **native)
    replayed(project, **native)
    assert project.trials("replayed") == project.trials("recorded")
    assert project.messages(out="replayed") == project.messages(out="recorded")


def test_recorded_models_read_a_cassettes_replies(project, call):
    recorded(project, "Add", call(1), "Final Answer: 1", "Yes")
    project.write(**{"tools.py": BROKEN.replace("EFFECT", "read").replace("raise", "return 1  #")})
    project.run("by_key", models__explorer={"use": "recorded", "path": str(project.folder / "c" / "models.jsonl")})
    by_key, first = project.trials("by_key"), project.trials("recorded")
    assert [trial["query"] for trial in by_key] == [trial["query"] for trial in first]
    assert [trial["solved"] for trial in by_key] == [True]


def test_a_recording_that_is_taken_up_again_is_replayed_as_one(project, call):
    said = ("Add", call(1), "Final Answer: 1", "Yes", "Add", call(1), "Final Answer: 2", "Yes")
    project.replies(*said)
    project.record_replies("whole", params__trials=2)
    (project.folder / "sum.txt").unlink()
    cassette = {"path": str(project.folder / "c"), "mode": "record"}
    for budget in (3, 6, 100):
        project.run("recorded", cassette=cassette, params__trials=2, budget={"model_calls": budget})
    (project.folder / "replies.jsonl").unlink()
    replayed(project, params__trials=2)
    assert len(project.trials("recorded")) == 2
    assert project.trials("replayed") == project.trials("recorded")


def test_a_missing_cassette_is_reported_before_anything_is_done(project):
    project.replies("Add")
    with pytest.raises(WorkflowError, match=r"no cassette to replay; run with `cassette.mode=record` first"):
        replayed(project)
    assert not (project.folder / "replayed").exists()


def test_a_cassette_that_cannot_be_written_is_refused(project):
    (project.folder / "c").write_text("a file")
    project.replies("Add")
    with pytest.raises((WorkflowError, RunError), match="no cassette can be written there"):
        project.run(cassette={"path": str(project.folder / "c"), "mode": "record"})


def test_the_path_of_a_cassette_is_relative_to_its_file(project, call):
    workflow = project.folder / "workflow.yaml"
    workflow.write_text(workflow.read_text() + "cassette: {path: tapes/one, mode: record}\n")
    project.replies("Add", call(1), "Final Answer: 1", "Yes")
    project.run()
    assert sorted(path.name for path in Path(project.folder / "tapes" / "one").iterdir()) == [
        "models.jsonl",
        "sources.jsonl",
        "tools.jsonl",
    ]
    project.run("live", cassette__mode="live")
