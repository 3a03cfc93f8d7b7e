"""`use: recorded` without keys: a run that is taken up goes on where the recording stood."""

import json

import ste_graph as ste

SHARED = """
dsl: 1
name: shared
params: {items: [one, two, three]}
models: {first: {use: recorded, path: replies.jsonl}, second: {use: recorded, path: replies.jsonl}}
nodes:
  think: {use: chat, model: first, prompt: think.md, outputs: {text: str}}
  judge: {use: chat, model: second, prompt: think.md, outputs: {text: str}}
graph:
  - map: item
    over: params.items
    do:
      - repeat: turn
        times: 2
        do: [think, judge]
"""


def test_a_run_that_is_stopped_anywhere_goes_on_where_the_recording_stood(project, call):
    project.replies(*["Add", call(1), "Final Answer: 1", "Yes", "Add more", call(2), "Final Answer: 3", "No"])
    project.run("whole", params__trials=2)
    for stop in range(1, 8):
        out = f"stopped-{stop}"
        (project.folder / "sum.txt").unlink()
        assert project.run(out, params__trials=2, budget={"model_calls": stop}).stopped_by == "budget"
        project.run(out, params__trials=2)
        assert project.talk(out=out) == project.talk(out="whole"), stop


def test_units_and_models_that_share_a_file_have_each_line_once_per_model_however_often_it_is_taken_up(project):
    texts = [f"reply {number}" for number in range(6)]
    project.replies(*texts)
    project.write(**{"workflow.yaml": SHARED, "think.md": "Think."})
    for stop in (1, 2, 5, 9, 11, 100):
        summary = project.run(budget={"model_calls": stop})
        assert summary.used.model_calls == min(stop, 12)
    assert summary.complete
    logs = [log.read_text("utf-8") for log in (project.folder / "run" / "units").iterdir()]
    steps = [json.loads(line) for log in logs for line in log.splitlines() if '"gives"' in line]
    for node, model in (("think", "first"), ("judge", "second")):
        own = [step for step in steps if step["key"].startswith(node)]
        assert sorted(step["gives"]["text"] for step in own) == texts
        assert all(step["gives"]["text"] == texts[step["lines"][model][0] - 1] for step in own)
    assert not ste.load(project.folder / "workflow.yaml").run(out=project.folder / "run").failed


def test_a_recording_that_is_used_up_may_be_made_longer(project):
    project.write(**{"workflow.yaml": SHARED.replace("one, two, three", "one"), "think.md": "Think."})
    project.replies("a")
    assert "all its replies are given: add more, or lower the bounds" in project.run().failed["one"]
    project.replies("a", "b")
    assert project.run().complete
