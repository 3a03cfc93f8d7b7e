"""`protocol: native` in a whole run: what the transcript holds, and how trials end."""


def calls(*arguments: str, name: str = "add") -> dict:
    return {"tool_calls": [{"id": f"c{n}", "name": name, "arguments": written} for n, written in enumerate(arguments)]}


NATIVE = {"nodes__call__protocol": "native"}


def test_what_came_back_goes_to_the_model_as_a_tool_message(project):
    project.replies("Add two and three", calls('{"n": 2}'), calls('{"n": 3}'), "5", "Yes")
    summary = project.run(**NATIVE)
    assert not summary.failed
    assert [(message["role"], message["content"]) for message in project.messages()] == [
        ("user", "Imagine for add.\nUser Query:"),
        ("assistant", "Add two and three"),
        ("user", "Do: Add two and three"),
        ("assistant", ""),
        ("tool", "2"),
        ("assistant", ""),
        ("tool", "5"),
        ("assistant", "5"),
        ("user", 'Fulfilled? Respond with "Yes" or "No".'),
        ("assistant", "Yes"),
    ]
    (trial,) = project.trials()
    assert (trial["answer"], trial["solved"], trial["ended_by"]) == ("5", True, "answer")
    assert [(step["action"], step["arguments"], step["observation"]["text"]) for step in trial["steps"]] == [
        ("add", {"n": 2}, "2"),
        ("add", {"n": 3}, "5"),
    ]


def test_of_several_calls_the_first_is_made_and_every_one_is_answered(project):
    project.replies("Add", calls('{"n": 1}', '{"n": 2}', '{"n": 3}'), "1", "Yes")
    summary = project.run(**NATIVE)
    assert project.called() == [1]
    assert [
        (message["tool_call_id"], message["content"]) for message in project.messages() if message["role"] == "tool"
    ] == [
        ("c0", "1"),
        ("c1", "One call at a time: this one was not made."),
        ("c2", "One call at a time: this one was not made."),
    ]
    assert project.trials()[0]["steps"][0]["repairs"] == ["several calls"]
    assert summary.used.repaired == 1


def test_arguments_that_are_not_json_are_malformed_and_the_model_learns_of_it(project):
    project.replies("Add", calls('{"n":'), calls('{"n": "4"}'), "4", "Yes")
    summary = project.run(**NATIVE)
    (trial,) = project.trials()
    assert [(step["action"], step["observation"]["kind"]) for step in trial["steps"]] == [
        (None, "malformed"),
        ("add", "ok"),
    ]
    assert trial["steps"][1]["repairs"] == ["coerced n"]
    assert summary.used.repaired == 1
    assert project.called() == [4]
    result = next(message["content"] for message in project.messages() if message["role"] == "tool")
    assert (
        result
        == "The call could not be read: the arguments of `add` are not one JSON object: expecting value at the end."
    )
    assert project.messages()[3]["tool_calls"][0]["function"] == {"name": "add", "arguments": "{}"}


def test_a_call_that_is_never_made_is_answered_before_any_other_message(project):
    project.replies("Add", *[calls('{"n": 1}')] * 4, "No")
    project.run(**NATIVE)
    assert [message["content"] for message in project.messages()[-4:]] == [
        "",
        "This call was not made.",
        'Fulfilled? Respond with "Yes" or "No".',
        "No",
    ]
    assert project.called() == [1, 1, 1]
    assert project.trials()[0]["ended_by"] == "turns"


def test_where_the_transcript_forgets_the_call_the_prompt_is_sent_instead(project):
    project.replies("Add", calls('{"n": 1}'), "1", "Yes")
    project.run(memory__talk__lives="turn", **NATIVE)
    assert [message["content"] for message in project.messages() if message["role"] == "user"][2] == "Observation: 1"


def test_the_simulated_model_explores_natively(project):
    project.run(models__explorer={"use": "simulated"}, params__episodes=3, params__trials=3, **NATIVE)
    trials = project.trials()
    assert sum(bool(trial["solved"]) for trial in trials) > len(trials) / 2
    assert any(message["role"] == "tool" for message in project.messages())


def test_the_form_that_worked_is_asked_for_at_once_in_later_trials_where_the_call_lives_as_long_as_the_tool(project):
    call = '{"action": "add", "arguments": {"n": 2}}'
    done = '{"final_answer": "done"}'
    project.replies("Add", "[TOOL_CALLS] oh", call, done, "Yes", "Add", call, done, "Yes")
    summary = project.run(params__trials=2, nodes__call__protocol="auto", nodes__call__lives="tool")
    assert not summary.failed
    forms = [[step["form"] for step in trial["steps"]] for trial in project.trials()]
    assert forms == [["native", "json"], ["json"]]
