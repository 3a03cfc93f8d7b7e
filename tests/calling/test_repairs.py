"""Repairs and the paper's parser, in a whole run."""

import ste_graph as ste
from ste_graph.cli.text.trials import trial_text
from ste_graph.distil.run_facts import RunFacts


def test_repairs_are_counted_and_recorded_in_the_trial(project):
    trailing = 'Thought: hm\nAction: "add"\nAction Input: {"n": "2",}'
    project.replies("Add", trailing, "Final Answer: 2", "Yes")
    summary = project.run()
    (step,) = project.trials()[0]["steps"]
    assert step["repairs"] == ["decorated name", "trailing comma", "coerced n"]
    assert summary.used.repaired == 2
    assert project.called() == [2]


def test_the_papers_parser_takes_a_turn_for_what_the_tolerant_one_mends(project):
    trailing = 'Thought: hm\nAction: add\nAction Input: {"n": 2,}'
    right = 'Thought: hm\nAction: add\nAction Input: {"n": 2}'
    project.replies("Add", trailing, right, "Thought: hm\nFinal Answer: 2", "Yes")
    summary = project.run(nodes__call__parser="paper")
    assert [step["observation"]["kind"] for step in project.trials()[0]["steps"]] == ["malformed", "ok"]
    assert summary.used.repaired == 0


def test_replies_that_cannot_be_read_are_counted_kept_and_shown(project):
    project.replies("Add", "I would rather not.", "Final Answer: 2", "Yes")
    summary = project.run()
    (step,) = project.trials()[0]["steps"]
    assert (step["reply"], step["form"], step["observation"]["kind"]) == ("I would rather not.", "react", "malformed")
    assert summary.used.unreadable == 1
    run = ste.open_run(project.folder / "run")
    assert "reply        I would rather not." in trial_text(run.trials()[0], RunFacts(run.id, run.lock))


def test_a_call_that_the_server_left_in_the_text_is_made_and_counted(project):
    project.replies("Add", '<tool_call>{"name": "add", "arguments": {"n": 2}}</tool_call>', "2", "Yes")
    summary = project.run(nodes__call__protocol="native")
    assert project.called() == [2]
    assert summary.used.calls_in_text == 1
    assert project.trials()[0]["steps"][0]["repairs"] == ["call in the text", "call as markup"]
