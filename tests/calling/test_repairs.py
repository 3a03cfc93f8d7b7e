"""Repairs and the paper's parser, in a whole run."""


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
