from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ste_graph.memory.transcript import Transcript, count_tokens
from ste_graph.protocols import native

HEARD = "I keep them in mind."


def user(text):
    return {"role": "user", "content": text}


def assistant(text, *calls):
    called = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in calls]
    return {"role": "assistant", "content": text, **({"tool_calls": called} if called else {})}


def tool(id):
    return {"role": "tool", "tool_call_id": id, "content": "42"}


def talked(memory, *trials):
    """The state after trials: each a list of exchanges, closed by a record with the trial's number as summary."""
    state = []
    for number, exchanges in enumerate(trials):
        for new in exchanges:
            state = memory.extend(state, new)
        state = memory.mark_record(state, f"Query: {number} | Solved: Yes")
    return state


def trial(number):
    return [[user(f"imagine {number}"), assistant(f"request {number}")], [user("call it"), assistant("x" * 100)]]


def test_extended_appends_without_touching_what_was_there():
    before = [{"role": "user", "content": "hello"}]
    after = Transcript().extend(before, [{"role": "assistant", "content": "hi"}])
    assert after == [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    assert before == [{"role": "user", "content": "hello"}]


def test_without_a_bound_every_message_stays_and_records_leave_no_trace():
    state = talked(Transcript(), *(trial(number) for number in range(9)))
    assert state == [message for number in range(9) for exchange in trial(number) for message in exchange]
    assert Transcript().messages(state) == state


def test_within_the_bound_every_message_is_shown():
    memory = Transcript(max_tokens=10_000)
    assert memory.messages(talked(memory, trial(0), trial(1))) == [
        m for n in range(2) for pair in trial(n) for m in pair
    ]


def test_the_oldest_trials_shrink_to_a_line_each_and_the_first_turns_stay():
    memory = Transcript(max_tokens=140)
    state = talked(memory, *(trial(number) for number in range(4)))
    assert memory.messages(state) == [
        user("imagine 0"),
        assistant("request 0"),
        user(
            "The conversation about these is left out here:\n"
            "Query: 0 | Solved: Yes\nQuery: 1 | Solved: Yes\nQuery: 2 | Solved: Yes"
        ),
        assistant(HEARD),
        *(message for exchange in trial(3) for message in exchange),
    ]


def test_a_single_trial_that_exceeds_the_bound_stays_whole_while_it_is_under_way():
    memory = Transcript(max_tokens=1)
    state = []
    for exchange in trial(0):
        state = memory.extend(state, exchange)
    assert memory.messages(state) == [message for exchange in trial(0) for message in exchange]
    assert memory.messages(memory.mark_record(state, "Query: 0")) == [user("imagine 0"), assistant("request 0")]


def test_a_record_for_which_nothing_was_said_leaves_no_line():
    memory = Transcript(max_tokens=1000)
    assert memory.mark_record([], "a") == []
    state = talked(memory, trial(0))
    assert memory.mark_record(state, "b") == state


@given(st.data(), st.integers(1, 400))
def test_turns_alternate_calls_are_answered_and_the_bound_is_kept_as_far_as_the_open_trial_allows(data, bound):
    memory = Transcript(max_tokens=bound)
    state, under_way, first, closed = [], [], [], False
    for step in range(data.draw(st.integers(1, 20))):
        pending = native.pending_call_ids(memory.messages(state))
        continues = bool(pending) and data.draw(st.booleans())
        prompt = [] if continues else [user("p" * data.draw(st.integers(1, 80)))]
        calls = [f"{step}.{number}" for number in range(data.draw(st.integers(0, 2)))]
        said = [*map(tool, pending), *prompt, assistant("a" * data.draw(st.integers(1, 80)), *calls)]
        first = first or said
        state = memory.extend(state, said)
        # What goes on without a word of the user belongs to the talk before, even behind a record.
        under_way = said if closed and not continues else [*under_way, *said]
        if closed := data.draw(st.booleans()):
            state = memory.mark_record(state, f"Query: {step}")
        shown = memory.messages(state)
        assert shown[:2] == first
        for before, after in pairwise(shown):
            followers = {"user": {"assistant"}, "tool": {"tool", "user", "assistant"}, "assistant": {"user", "tool"}}
            assert after["role"] in followers[before["role"]]
        made = [call["id"] for message in shown[:-1] for call in message.get("tool_calls", ())]
        assert [message["tool_call_id"] for message in shown if message["role"] == "tool"] == made
        answers = [message for message in shown if message["role"] == "tool"]
        assert count_tokens(shown) <= max(bound, count_tokens([*first, *answers, *under_way]))
        assert memory.extend(state, []) == state
