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
ASKED_BEFORE = "ask for something else:\nOne?\nTwo?\nThree?\n"


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


def called(
    name: str, *, lessons: list[str] | None = None, text: str | None = None, failed: bool | None = False
) -> RenderedPrompt:
    observe = {"text": text, "failed": failed}
    return prompt(name).render(
        {"tool": TOOL, "imagine": {"query": "One?"}, "observe": observe, "lessons": {"lines": lessons}}
    )


imagine_prompts = pytest.mark.parametrize("name", ["imagine", "imagine_anew"])


@imagine_prompts
def test_the_first_request_of_a_talk_shows_the_tool_line_by_line(name: str) -> None:
    lines = imagined(name).text.splitlines()
    assert "API_name: look" in lines
    assert "Description: Look it up." in lines
    assert 'Parameters (JSON Schema): {"type": "object"}' in lines
    assert lines[-1] == "User Query:"


def test_a_later_request_of_the_paper_does_not_show_the_tool_again_and_ours_always_does() -> None:
    shown = imagined("imagine", short_term=TALKED).text
    assert "API_name" not in shown
    assert shown.splitlines()[-1] == "User Query:"
    assert imagined("imagine_anew", short_term=TALKED).text == imagined("imagine_anew").text


def test_past_requests_are_shown_with_their_verdict_in_the_paper_and_not_kept() -> None:
    for short_term in (OFF, TALKED):
        rendered = imagined("imagine", short_term=short_term, long_term=PAST)
        assert LISTED in rendered.text
        assert rendered.transcript_text == imagined("imagine", short_term=short_term).transcript_text


def test_past_requests_are_shown_as_they_were_made_by_our_own_prompt() -> None:
    assert ASKED_BEFORE in imagined("imagine_anew", long_term=PAST).text


@imagine_prompts
def test_without_long_term_memory_nothing_claims_that_there_were_requests(name: str) -> None:
    shown = imagined(name).text.lower()
    assert not [word for word in ("before", "earlier", "already", "past", "tried", "solved", "again") if word in shown]


def test_a_request_that_was_not_new_is_asked_for_again_and_told_so() -> None:
    shown = imagined("imagine_anew", long_term=PAST, new=False, near=["One?"]).text
    assert "\nA first try came too close to what was tried before." in shown
    assert ASKED_BEFORE in shown
    assert shown.splitlines()[-1] == "User Query:"


def test_lessons_and_values_that_exist_are_shown_where_a_request_is_made_up() -> None:
    taught = imagined("imagine_anew", lessons=LESSONS, known={"id": ["A", 7]}).text
    assert "\nLesson: one\nLesson: two\n" in taught
    assert '\nValues of id that exist: ["A", 7]\n' in taught
    assert taught.splitlines()[-1] == "User Query:"


def test_a_request_that_is_none_is_asked_for_again_with_the_reason() -> None:
    shown = imagined("imagine_anew", reason="It was empty.").text
    assert "\nA first try could not be used. It was empty.\n" in shown
    assert shown.splitlines()[-1] == "User Query:"


def test_a_request_for_a_call_shows_the_call_and_not_the_schema() -> None:
    values = {"check": {"reason": None}, "novelty": {"new": None}, "devise": {"drawn": {"at": 2}}}
    shown = prompt("imagine_call").render({"tool": TOOL, **values}).text
    assert 'Action: look\nAction Input: {"at": 2}\n' in shown
    assert "Parameters" not in shown
    assert shown.splitlines()[-1] == "Request for this call:"


@pytest.mark.parametrize(("suggested", "shown"), [({}, False), ({"at": 2}, True)])
def test_a_call_is_made_up_with_the_values_that_were_drawn_for_it(suggested: dict[str, Any], shown: bool) -> None:
    values = {"values": {"known": None}, "devise": {"fault": None}, "suggest": {"values": suggested}}
    text = prompt("devise").render({"tool": TOOL, **values}).text
    assert ('\nTake these where they make sense: {"at": 2}\n' in text) == shown
    assert text.splitlines()[-1] == "One more call:"


def test_lessons_are_shown_at_the_first_call_alone_and_are_not_kept() -> None:
    taught = called("call_taught", lessons=LESSONS)
    assert "\nLesson: one\nLesson: two" in taught.text
    assert taught.transcript_text == called("call_taught").text == "The request: One?"
    assert "Lesson" not in called("call_taught", lessons=LESSONS, text="4 °C").text


def test_our_own_prompts_show_worked_examples_of_other_tools_as_turns_and_keep_none() -> None:
    for rendered in (imagined("imagine_anew"), called("call_taught"), called("call_taught", text="4 °C"), asked()):
        roles = [turn["role"] for turn in rendered.leading]
        assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]
        assert len(roles) > 2
        assert "book_table" in str(rendered.leading)
        assert "book_table" not in rendered.text


@pytest.mark.parametrize(("failed", "mended"), [(True, True), (False, False), (None, False)])
def test_a_call_that_failed_is_asked_for_again_which_is_not_kept(failed: bool | None, mended: bool) -> None:
    rendered = called("call_taught", text="4 °C", failed=failed)
    assert ("\n\nThe call failed. Call `look` again" in rendered.text) == mended
    assert rendered.transcript_text == "Observation: 4 °C"


@pytest.mark.parametrize(("text", "answer"), [(None, None), ("4 °C", None), ("4 °C", "It is cold.")])
def test_a_trial_is_judged_by_what_it_came_to(text: str | None, answer: str | None) -> None:
    values = {"imagine": {"query": "One?"}, "observe": {"text": text}, "call": {"answer": answer}}
    lines = prompt("reflect_alone").render(values).text.splitlines()
    assert lines[0] == "The request: One?"
    assert lines[1] == f"Observation: {text or 'There was no call of the tool.'}"
    assert lines[2] == f"Final Answer: {answer or '(none)'}"
    assert lines[-1].endswith('Respond with "Yes" or "No".')


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


def answered(
    name: str, *, examples: str = "", lines: list[str] | None = None, guidelines: list[dict[str, str]] | None = None
) -> str:
    offered = [TOOL, {**TOOL, "name": "listen", "description": "Hear it."}]
    calls = [{"query": "Two?", "action": "look", "arguments": {}}] if examples else []
    shown = {
        "tools": offered,
        "examples": examples,
        "calls": calls,
        "lines": lines or [],
        "guidelines": guidelines or [],
    }
    values = {"offer": {"tools": offered}, "show": shown, "case": {"query": "One?"}, "tool": {"restraint": False}}
    rendered = prompt(name).render(values)
    return "\n".join([*(turn["content"] for turn in rendered.leading), rendered.text])


def asked(calls: list[dict[str, Any]] | None = None) -> RenderedPrompt:
    shown = {"tools": [TOOL], "calls": calls or [], "lines": [], "guidelines": []}
    return prompt("answer").render({"show": shown, "case": {"query": "One?"}, "tool": {"restraint": False}})


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
    for trace in ("Lesson:", "Two?", "taught", "served before", "served it:", "Guideline"):
        assert trace not in plain
    assert shown.index("Two?") < shown.index("User Query: One?")
    assert all(line in shown.splitlines() for line in LESSONS)
    assert "\n\n\n" not in plain


def test_guidelines_are_shown_below_the_tools_that_they_are_of() -> None:
    lines = answered("answer", guidelines=[{"tool": "listen", "text": "Listen to one sound."}]).splitlines()
    assert "Guideline for listen: Listen to one sound." in lines
    assert lines.index("API_name: listen") < lines.index("Guideline for listen: Listen to one sound.")


TRIAL = {"number": 1, "id": "t1", "query": "Two?", "calls": [
    {"action": "look", "arguments": '{"at": 3}', "observation": "at must be at most 2", "ok": False},
    {"action": "look", "arguments": '{"at": 2}', "observation": "4 °C", "ok": True},
]}  # fmt: skip


CONFUSED = [{"name": "hear", "description": "To hear."}]


@pytest.mark.parametrize("name", ["guideline", "describe"])
def test_a_form_is_asked_for_with_numbered_trials_after_worked_examples_of_other_tools(name: str) -> None:
    refused = [{"description": "Look here.", "reason": "it says the same as before"}]
    values = {
        "evidence": {"trials": [TRIAL]},
        "aspect": {"question": "What is it for?"},
        "keep": {
            "base": TOOL,
            "told": refused,
            "confused": CONFUSED,
            "replies": [{"query": "Three?", "called": "hear {}", "right": '{"at": 3}'}],
        },
    }
    rendered = prompt(name).render({"tool": TOOL, **values})
    roles = [turn["role"] for turn in rendered.leading]
    assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]
    lines = rendered.text.splitlines()
    assert lines[0] == "API_name: look"
    start = lines.index("Trial 1: Two?")
    assert lines[start + 1 : start + 5] == [
        'Call: {"at": 3}', "Failed: at must be at most 2", 'Call: {"at": 2}', "Result: 4 °C",
    ]  # fmt: skip
    assert lines[-1] == {"guideline": "Notes:", "describe": "Better documentation:"}[name]
    assert ("An earlier proposal was not used: it says the same as before." in lines) == (name == "describe")
    assert ("Called in its place by mistake: hear (To hear.)" in lines) == (name == "describe")
    assert ('Right: look {"at": 3}' in lines) == (name == "describe")
    assert "API_name: look" not in str(rendered.leading)
