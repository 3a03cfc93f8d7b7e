"""The shipped prompts: their markers, and what they say with and without memories."""

from importlib.resources import files
from typing import Any

import pytest

from ste_graph.prompts.prompt import Prompt, RenderedPrompt

TOOL = {"name": "look", "description": "Look it up.", "parameters": {"type": "object"}, "effect": "read"}
OFF = {"empty": True, "entries": [], "messages": []}
TALKED = {"empty": False, "entries": [], "messages": [{"role": "user", "content": "…"}]}
PAST = {
    "empty": False,
    "messages": [],
    "entries": [
        {"query": "One?", "solved": True, "call_succeeded": True},
        {"query": "Two?", "solved": False, "call_succeeded": True},
        {"query": "Three?", "solved": None, "call_succeeded": False},
    ],
}
LISTED = "Query: One? | Solved: Yes\nQuery: Two? | Solved: No\nQuery: Three?\n"


def prompt(name: str) -> Prompt:
    return Prompt((files("ste_graph.workflows") / "prompts" / f"{name}.md").read_text("utf-8"), f"{name}.md")


LESSONS = ["Lesson: one", "Lesson: two"]


def imagined(
    name: str,
    *,
    short_term: Any = OFF,
    long_term: Any = OFF,
    new: bool | None = None,
    near: list[str] | None = None,
    lessons: list[str] | None = None,
    known: dict[str, list[Any]] | None = None,
    reason: str | None = None,
) -> RenderedPrompt:
    values = {"tool": TOOL, "short_term": short_term, "long_term": long_term, "novelty": {"new": new, "near": near}}
    return prompt(name).render(
        {**values, "lessons": {"lines": lessons}, "values": {"known": known}, "check": {"reason": reason}}
    )


def called(name: str, *, lessons: list[str] | None = None, text: str | None = None) -> RenderedPrompt:
    values = {"tool": TOOL, "imagine": {"query": "One?"}, "observe": {"text": text}, "lessons": {"lines": lessons}}
    return prompt(name).render(values)


imagine_prompts = pytest.mark.parametrize("name", ["imagine", "imagine_anew"])


def test_a_request_that_was_answered_without_a_call_is_not_shown_as_solved_by_our_own_prompt() -> None:
    past = {"empty": False, "messages": [], "entries": [{"query": "One?", "solved": True, "call_succeeded": False}]}
    assert "Query: One? | Solved: No\n" in imagined("imagine_anew", long_term=past).text
    assert "Query: One? | Solved: Yes\n" in imagined("imagine", long_term=past).text  # as in the paper


@imagine_prompts
def test_the_first_request_of_a_talk_shows_the_tool_line_by_line(name: str) -> None:
    lines = imagined(name).text.splitlines()
    assert "API_name: look" in lines
    assert "Description: Look it up." in lines
    assert 'Parameters (JSON Schema): {"type": "object"}' in lines
    assert lines[-1] == "User Query:"


@imagine_prompts
def test_a_later_request_does_not_show_the_tool_again(name: str) -> None:
    shown = imagined(name, short_term=TALKED).text
    assert "API_name" not in shown
    assert shown.splitlines()[-1] == "User Query:"


@imagine_prompts
def test_past_requests_are_shown_and_not_kept(name: str) -> None:
    for short_term in (OFF, TALKED):
        rendered = imagined(name, short_term=short_term, long_term=PAST)
        assert LISTED in rendered.text
        assert rendered.transcript_text == imagined(name, short_term=short_term).transcript_text


@imagine_prompts
def test_without_long_term_memory_nothing_claims_that_there_were_requests(name: str) -> None:
    shown = imagined(name).text.lower()
    assert not [word for word in ("before", "earlier", "already", "past", "tried", "solved", "again") if word in shown]


def test_a_request_that_was_not_new_is_asked_for_again_and_told_so() -> None:
    shown = imagined("imagine_anew", short_term=TALKED, long_term=PAST, new=False).text
    assert shown.startswith("That request is too close to one that was tried before.")
    assert LISTED in shown
    assert shown.splitlines()[-1] == "User Query:"


def test_it_is_shown_what_it_came_too_close_to_and_that_is_not_kept() -> None:
    again = imagined("imagine_anew", short_term=TALKED, new=False, near=["One?", "Two?"])
    assert "\nThis is what it came too close to:\nQuery: One?\nQuery: Two?\n" in again.text
    assert again.transcript_text == imagined("imagine_anew", short_term=TALKED, new=False).transcript_text


@pytest.mark.parametrize(("short_term", "new"), [(OFF, None), (TALKED, None), (TALKED, False)])
def test_lessons_are_shown_where_a_request_is_made_up_and_are_not_kept(short_term: Any, new: bool | None) -> None:
    taught = imagined("imagine_anew", short_term=short_term, new=new, lessons=LESSONS)
    assert "\nLesson: one\nLesson: two\n" in taught.text
    assert taught.text.splitlines()[-1] == "User Query:"
    assert taught.transcript_text == imagined("imagine_anew", short_term=short_term, new=new).text


@pytest.mark.parametrize(("short_term", "new"), [(OFF, None), (TALKED, None), (TALKED, False)])
def test_values_that_exist_are_shown_where_a_request_is_made_up_and_are_not_kept(
    short_term: Any, new: bool | None
) -> None:
    shown = imagined("imagine_anew", short_term=short_term, new=new, known={"id": ["A", 7]})
    assert '\nValues of id that exist: ["A", 7]\n' in shown.text
    assert shown.transcript_text == imagined("imagine_anew", short_term=short_term, new=new).transcript_text


def test_a_request_that_is_none_is_asked_for_again_with_the_reason() -> None:
    shown = imagined("imagine_anew", short_term=TALKED, reason="It was empty.").text
    assert shown.startswith("That cannot be used as a request. It was empty.")
    assert shown.splitlines()[-1] == "User Query:"


def test_lessons_are_shown_at_the_first_call_alone_and_are_not_kept() -> None:
    taught = called("call_taught", lessons=LESSONS)
    assert "\nLesson: one\nLesson: two\n" in taught.text
    assert taught.transcript_text == called("call_taught").text
    assert "Lesson" not in called("call_taught", lessons=LESSONS, text="4 °C").text


def test_our_own_prompts_show_worked_examples_of_other_tools_as_turns_and_keep_none() -> None:
    for rendered in (imagined("imagine_anew"), called("call_taught"), called("call_taught", text="4 °C"), asked()):
        roles = [turn["role"] for turn in rendered.leading]
        assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]
        assert len(roles) > 2
        assert "book_table" in str(rendered.leading)
        assert "book_table" not in rendered.text


def test_an_observation_comes_with_the_form_of_the_next_reply_which_is_not_kept() -> None:
    rendered = called("call_taught", text="4 °C")
    assert rendered.text.startswith("Observation: 4 °C\n\nNext: `Final Answer:`")
    assert "`Action: look`" in rendered.text
    assert rendered.transcript_text == "Observation: 4 °C"


def test_exemplars_are_turns_before_the_request() -> None:
    calls = [{"query": "Two?", "action": "look", "arguments": {"at": 2}}]
    assert asked(calls).leading[-2:] == (
        {"role": "user", "content": "User Query: Two?"},
        {"role": "assistant", "content": '{"action": "look", "arguments": {"at": 2}}'},
    )


def test_the_first_call_is_told_the_form_and_the_request() -> None:
    shown = prompt("call").render({"tool": TOOL, "imagine": {"query": "One?"}, "observe": {"text": None}}).text
    assert shown.splitlines()[0] == "Now fulfil this request with the tool: One?"
    for marker in ("Thought: ", "Action: look", 'Action Input: {"parameter": "value"}', "Final Answer: "):
        assert f"\n{marker}" in shown
    assert not shown.startswith("Observation:")


@pytest.mark.parametrize("text", ["4 °C", "", "a {{ tool }}\n{% if %}", "  indented"])
def test_what_came_back_is_told_as_it_is_and_nothing_else(text: str) -> None:
    shown = prompt("call").render({"tool": TOOL, "imagine": {"query": "One?"}, "observe": {"text": text}}).text
    assert shown == f"Observation: {text}".strip()


def test_reflect_ends_with_the_question_for_yes_or_no() -> None:
    shown = prompt("reflect").render({"imagine": {"query": "One?"}}).text
    assert shown.splitlines()[-1] == 'Respond with "Yes" or "No".'
    assert "One?" in shown


def answered(name: str, *, examples: str = "", lines: list[str] | None = None) -> str:
    offered = [TOOL, {**TOOL, "name": "listen", "description": "Hear it."}]
    calls = [{"query": "Two?", "action": "look", "arguments": {}}] if examples else []
    shown = {"examples": examples, "calls": calls, "lines": lines or []}
    rendered = prompt(name).render({"offer": {"tools": offered}, "show": shown, "case": {"query": "One?"}})
    return "\n".join([*(turn["content"] for turn in rendered.leading), rendered.text])


def asked(calls: list[dict[str, Any]] | None = None) -> RenderedPrompt:
    shown = {"calls": calls or [], "lines": []}
    return prompt("answer").render({"offer": {"tools": [TOOL]}, "show": shown, "case": {"query": "One?"}})


answer_prompts = pytest.mark.parametrize("name", ["answer", "answer_paper"])


@answer_prompts
def test_a_test_shows_every_tool_on_offer_line_by_line_and_ends_with_the_request(name: str) -> None:
    lines = answered(name).splitlines()
    assert [line for line in lines if line.startswith("API_name:")] == ["API_name: look", "API_name: listen"]
    assert lines.count('Parameters (JSON Schema): {"type": "object"}') == 2
    assert "Description: Hear it." in lines
    assert lines[-1] == "User Query: One?"


@answer_prompts
def test_what_an_arm_does_not_show_leaves_no_trace_in_its_prompt(name: str) -> None:
    plain, shown = answered(name), answered(name, examples="User Query: Two?\nAction: look", lines=LESSONS)
    for trace in ("Lesson:", "Two?", "taught", "served before", "served it:"):
        assert trace not in plain
    assert shown.index("Two?") < shown.index("User Query: One?")
    assert all(line in shown.splitlines() for line in LESSONS)
    assert "\n\n\n" not in plain
