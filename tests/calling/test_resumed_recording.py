"""`use: recorded` in a run that is taken up: lines with a key answer on, lines without one are refused."""

import pytest

from ste_graph.errors import WorkflowError


def test_a_run_with_keyed_replies_goes_on_wherever_it_was_stopped(project, call):
    project.replies(*["Add", call(1), "Final Answer: 1", "Yes", "Add more", call(2), "Final Answer: 3", "No"])
    project.record_replies("whole", params__trials=2)
    for stop in range(1, 8):
        out = f"stopped-{stop}"
        (project.folder / "sum.txt").unlink()
        assert project.run(out, params__trials=2, budget={"model_calls": stop}).stopped_by == "budget"
        project.run(out, params__trials=2)
        assert project.messages(out=out) == project.messages(out="whole"), stop


def test_lines_without_a_key_do_not_continue_a_run_but_a_finished_one_is_fine(project, call):
    project.replies("Add", call(1), "Final Answer: 1", "Yes")
    project.run(budget={"model_calls": 1})
    with pytest.raises(WorkflowError) as error:
        project.run()
    assert str(error.value) == (
        f"{project.folder}/workflow.yaml: model `explorer`: {project.folder}/replies.jsonl: lines without a key cannot"
        " continue a run, as they are given in order from the first: start a new run, or replay a"
        " cassette's models.jsonl, whose lines have keys"
    )
    assert project.run("other").complete
    assert project.run("other").complete
