"""The spans of a unit, line by line of its log: when a pass is over, and what loops and failures leave behind."""

from itertools import count

import pytest

from ste_graph.exports.otlp.span import TraceSpan
from ste_graph.exports.otlp.steps import SpanFacts
from ste_graph.exports.otlp.unit import UnitSpans


def unit(*parallel: str, content: bool = False, name: str = "add_days") -> UnitSpans:
    facts = SpanFacts("r", ".", {}, {}, content)
    return UnitSpans(facts, name, "add_days", "tool", 1, frozenset(parallel))


def step(key: str, second: int, **more: object) -> dict:
    return {
        "key": key,
        "started": f"2026-01-01T00:00:{second:02}.000Z",
        "ended": f"2026-01-01T00:00:{second:02}.500Z",
        **more,
    }


def names(spans: list[TraceSpan]) -> list[str]:
    return [span.name for span in spans]


def test_a_pass_is_over_when_the_next_one_begins():
    spans = unit()
    assert names(spans.feed(step("a episode=0 trial=0", 1))) == ["a"]
    assert names(spans.feed(step("a episode=0 trial=1", 2))) == ["trial 0", "a"]
    assert names(spans.feed(step("a episode=1 trial=0", 3))) == ["trial 1", "episode 0", "a"]
    assert names(spans.feed({"done": "2026-01-01T00:00:09.000Z"})) == ["trial 0", "episode 1", "tool add_days"]
    assert spans.close()[-1].end > spans.close()[-1].start


def test_passes_side_by_side_are_over_with_their_loop_whatever_their_order():
    spans = unit("trial")
    order = [("a", 0), ("a", 1), ("b", 1), ("b", 0)]
    second = count(1)
    given = [spans.feed(step(f"{node} episode=0 trial={trial}", next(second))) for node, trial in order]
    assert [names(each) for each in given] == [["a"], ["a"], ["b"], ["b"]]
    over = spans.feed({"after": "b episode=0 trial=0", "loops": [["trial", 2, "times"]]})
    assert sorted(names(over)) == ["trial 0", "trial 1"]
    assert {span.name: (span.end - span.start) / 1e9 for span in over} == {"trial 0": 3.5, "trial 1": 1.5}
    (episode, whole) = spans.feed({"done": "2026-01-01T00:00:09.000Z"})
    assert [event.attributes["ste.loop.reason"] for event in episode.events] == ["times"]
    assert (episode.name, episode.parent, whole.parent) == ("episode 0", whole.id, 1)


def test_a_loop_that_was_not_entered_is_no_pass():
    spans = unit()
    (call,) = spans.feed(step("call trial=0 turn=-", 1))
    trial, _ = spans.feed({"done": "2026-01-01T00:00:09.000Z"})
    assert (call.parent, trial.name) == (trial.id, "trial 0")


def test_requests_of_a_step_stand_where_they_were_made():
    asked = [
        {
            "model": "small",
            "for": "main",
            "in": 7,
            "out": 3,
            "cached": 5,
            "finish": "stop",
            "retries": 2,
            "after": 0.1,
            "s": 0.2,
        },
        {"tool": "add_days", "kind": "tool_error", "after": 0.35, "s": 0.1},
    ]
    facts = SpanFacts(
        "r", ".", {"main": {"use": "openai", "model": "big", "temperature": 0.5}}, {"small": "tiny"}, False
    )
    spans = UnitSpans(facts, "add_days", "add_days", "tool", 1, frozenset())
    chat, call, node = spans.feed(step("act", 1, asked=asked))
    assert (chat.parent, call.parent) == (node.id, node.id)
    assert (chat.name, chat.is_client) == ("chat big", True)
    assert {name: value for name, value in chat.attributes.items() if not name.startswith("gen_ai.operation")} == {
        "gen_ai.provider.name": "openai", "gen_ai.request.model": "big", "gen_ai.response.model": "tiny",
        "gen_ai.request.temperature": 0.5, "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 5, "gen_ai.response.finish_reasons": ("stop",),
        "ste.retries": 2, "ste.model": "main",
    }  # fmt: skip
    assert ((chat.start - node.start) / 1e9, (chat.end - chat.start) / 1e9) == (0.1, 0.2)
    assert (call.name, call.attributes["error.type"], call.error) == ("execute_tool add_days", "tool_error", "")


@pytest.mark.parametrize(("content", "shown"), [(True, "tool Who was it, and when?"), (False, "tool #")])
def test_a_unit_named_by_a_text_is_called_by_it_only_where_content_is_asked_for(content, shown):
    spans = unit(content=content, name="Who was it, and when?")
    spans.feed(step("a", 1))
    spans.feed({"failed": "a: it broke", "at": "2026-01-01T00:00:02.000Z"})
    (whole,) = spans.close()
    assert whole.name.startswith(shown)
    assert whole.error == ("a: it broke" if content else "")
    spans.feed(step("a", 3))
    assert spans.close()[0].error is None
