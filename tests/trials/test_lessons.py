import json
import re
from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.trials.lessons import Lesson, draw_lessons, lesson_text, rank_lessons

NOT_ISO = "Invalid arguments for `add_days`:\n- `date`: expected string (date, YYYY-MM-DD); got {}"


def call(arguments, error=None, *, kind=None, action="add_days"):
    kind = kind or ("ok" if error is None else "invalid_arguments")
    seen = {"ok": kind == "ok", "kind": kind, "text": error or "2024-03-04"}
    return {"thought": None, "action": action, "arguments": arguments, "observation": seen}


def badly(date="3 May 2024"):
    return call({"date": date, "days": 3}, NOT_ISO.format(json.dumps(date)))


def well(date="2024-05-03"):
    return call({"date": date, "days": 3})


def trial(id, *steps, lessons=()):
    return {"id": id, "query": "When?", "steps": list(steps), "lessons": list(lessons)}


def test_a_failed_call_followed_by_a_repaired_one_is_a_lesson():
    (lesson,) = draw_lessons([trial("t1", badly(), well())])
    assert lesson == Lesson(
        id=lesson.id,
        tool="add_days",
        argument="date",
        signature="`date`: expected string (date, YYYY-MM-DD); got …",
        wrong='"3 May 2024"',
        right='"2024-05-03"',
        evidence=("t1",),
    )
    assert lesson_text(lesson) == (
        'Lesson: calling add_days, it failed with `date`: "3 May 2024", and worked with `date`: "2024-05-03". '
        "The error was: `date`: expected string (date, YYYY-MM-DD); got …"
    )


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [badly()],
        [well(), badly()],
        [well(), well("2025-01-01")],
        [badly(), badly("4 May 2024")],
        [call({"date": "x"}, "no answer", kind="timeout"), well()],
        [call({"date": "x"}, "may not", kind="refused"), well()],
        [call(None, "no JSON", kind="malformed", action=None), well()],
        [{**badly(), "observation": None}, well()],
        # Two arguments changed, and the error names neither: or both, in one line.
        [call({"date": "x", "days": 1}, "ValueError: no", kind="tool_error"), call({"date": "y", "days": 2})],
        [call({"from": 2, "to": 1}, "from (2) is after to (1)", kind="tool_error"), call({"from": 1, "to": 2})],
        # Nothing changed: it was not the call's fault.
        [call({"date": "x"}, "ValueError: busy", kind="tool_error"), call({"date": "x"})],
    ],
)
def test_no_lesson_is_drawn_if_nothing_was_repaired_or_no_argument_can_be_blamed(steps):
    assert draw_lessons([trial("t1", *steps)]) == []


def test_the_argument_is_the_one_that_the_error_names_or_the_only_one_that_changed():
    named = call({"date": "x", "days": 1}, "ValueError: bad date 'x'", kind="tool_error")
    unnamed = call({"date": "2024-05-03", "days": 99}, "ValueError: 99 is too far away", kind="tool_error")
    (first,) = draw_lessons([trial("t1", named, call({"date": "2024-05-03", "days": 2}))])
    assert (first.argument, first.signature) == ("date", "ValueError: bad date …")
    (second,) = draw_lessons([trial("t2", unnamed, call({"date": "2024-05-03", "days": 2}))])
    assert (second.argument, second.signature) == ("days", "ValueError: # is too far away")


def test_a_call_with_several_faults_gives_a_lesson_for_each():
    error = 'Invalid arguments for `add_days`:\n- `date`: required, but missing\n- `days`: expected integer; got "two"'
    lessons = draw_lessons(
        [trial("t1", call({"days": "two", "mode": 1}, error), call({"date": "2024-05-03", "days": 2}))]
    )
    assert sorted((lesson.argument, lesson.wrong, lesson.right, lesson.signature) for lesson in lessons) == [
        ("date", None, '"2024-05-03"', "`date`: required, but missing"),
        ("days", '"two"', "2", "`days`: expected integer; got …"),
    ]


def test_missing_arguments_and_wrong_tool_names_are_put_into_words():
    unknown = call({}, "There is no tool `add_day`. Tools: add_days.", kind="unknown_tool", action="add_day")
    missing = call({"days": 3}, "Invalid arguments:\n- `date`: required, but missing")
    extra = call(
        {"date": "2024-05-03", "zone": 1}, "Invalid arguments:\n- `zone`: unknown argument; allowed: date, days"
    )
    lessons = draw_lessons([trial("t1", unknown, missing, extra, call({"date": "2024-05-03"}))])
    texts = sorted(lesson_text(lesson) for lesson in lessons)
    assert texts == [
        "Lesson: add_days is called by just this name; add_day does not exist.",
        "Lesson: calling add_days, it failed with `zone`: 1, and worked without `zone`. "
        "The error was: `zone`: unknown argument; allowed: date, days",
        'Lesson: calling add_days, it failed without `date`, and worked with `date`: "2024-05-03". '
        "The error was: `date`: required, but missing",
    ]


def test_equal_mistakes_are_one_lesson_with_the_shortest_example():
    other = trial("t1", badly("the third of May 2024"), well())
    (lesson,) = draw_lessons([trial("t2", badly("3 May 2024"), well()), other, trial("t3", badly("3.5.24"), well())])
    assert (lesson.evidence, lesson.wrong) == (("t1", "t2", "t3"), '"3.5.24"')


def test_a_later_trial_that_succeeds_counts_as_help_and_one_that_fails_alike_as_harm():
    (lesson,) = taught = draw_lessons([trial("t1", badly(), well())])
    later = {
        "helped": [well("2024-06-01")],
        "harmed": [badly("4 May 2024"), well()],
        "another error": [call({"date": "2024-02-30", "days": 3}, "ValueError: no such day", kind="tool_error")],
        "never called": [],
        "argument left out": [call({"days": 3})],
    }
    shown_to = [trial(name, *steps, lessons=[lesson.id]) for name, steps in later.items()]
    not_shown = [trial("x", badly("5 May 2024")), trial("y", well())]
    (counted,) = draw_lessons([trial("t1", badly(), well()), *shown_to, *not_shown])
    assert (counted.helpful, counted.harmful, counted.is_retired) == (1, 1, False)
    (retired,) = draw_lessons([trial("t1", badly(), well()), *shown_to, trial("z", badly(), lessons=[lesson.id])])
    assert (retired.helpful, retired.harmful, retired.is_retired) == (1, 2, True)
    assert rank_lessons(taught, "add_days") == taught
    assert rank_lessons([retired], "add_days") == []


def lesson(id, tool="add_days", evidence=1, helpful=0, harmful=0):
    trials = tuple(f"{id}{number}" for number in range(evidence))
    return Lesson(id=id, tool=tool, argument="date", signature="s", wrong="1", right="2", evidence=trials,
                  helpful=helpful, harmful=harmful)  # fmt: skip


def test_at_most_three_are_shown_the_best_founded_first():
    lessons = [
        lesson("a"), lesson("b"), lesson("c", helpful=2, harmful=1), lesson("d", evidence=2), lesson("e", harmful=1),
        lesson("f", tool="other", evidence=9), lesson("g", helpful=3),
    ]  # fmt: skip
    assert [lesson.id for lesson in rank_lessons(lessons, "add_days")] == ["d", "g", "c"]
    assert [lesson.id for lesson in rank_lessons(lessons, "add_days", 9)] == ["d", "g", "c", "a", "b"]
    assert rank_lessons(lessons, "add_days", 0) == rank_lessons(lessons, "nothing") == []


VALUES = st.sampled_from(["3 May 2024", "2024-05-03", "", 'a "quote"', 7, -1.5, None, True, ["x"], {"a": 1}])
STEPS = st.builds(
    call,
    st.dictionaries(st.sampled_from(["date", "days", "zone"]), VALUES),
    st.sampled_from([None, NOT_ISO.format('"x"'), "ValueError: `days` 3 > 2", "no `date` and no `days`", "???", ""]),
    kind=st.sampled_from([None, "tool_error", "unknown_tool", "timeout"]),
    action=st.sampled_from(["add_days", "weekday", None]),
)


@st.composite
def journals(draw):
    """Trials, of which the later ones were shown lessons that the earlier ones teach."""
    steps = draw(st.lists(st.lists(STEPS, max_size=4), max_size=8))
    found = [lesson.id for lesson in draw_lessons([trial(f"t{n}", *some) for n, some in enumerate(steps)])]
    ids = st.lists(st.sampled_from([*found, "of another run"]), max_size=3)
    return [trial(f"t{number}", *some, lessons=draw(ids)) for number, some in enumerate(steps)]


@given(journals(), st.randoms(use_true_random=False))
def test_lessons_depend_on_the_set_of_trials_and_not_on_their_order(trials, random):
    lessons = draw_lessons(trials)
    mixed = [*trials, *random.sample(trials, len(trials) // 2)]
    random.shuffle(mixed)
    assert draw_lessons(mixed) == lessons
    assert draw_lessons(iter(json.loads(json.dumps(trials)))) == lessons
    assert len({(lesson.tool, lesson.argument, lesson.signature) for lesson in lessons}) == len(lessons)
    for lesson in lessons:
        assert set(lesson.evidence) <= {trial["id"] for trial in trials}
        assert lesson_text(lesson).startswith("Lesson: ")
        assert "\n" not in lesson_text(lesson)


@given(journals(), STEPS)
def test_a_further_trial_takes_no_evidence_away(trials, step):
    before = {lesson.id: lesson for lesson in draw_lessons(trials)}
    after = {lesson.id: lesson for lesson in draw_lessons([*trials, trial("new", step, well())])}
    assert before.keys() <= after.keys()
    for id, lesson in before.items():
        assert set(lesson.evidence) <= set(after[id].evidence)
        assert (lesson.helpful, lesson.harmful) == (after[id].helpful, after[id].harmful)


# A student whose competence depends only on its prompt: it writes dates as people do, unless a lesson of just this tool
# and argument shows one that failed and one that worked in another form.


def student(prompt, date):
    """The call that the student makes for a date, given its prompt."""
    for tool, argument, wrong, right in re.findall(
        r'^Lesson: calling (\w+), it failed with `(\w+)`: "(.*?)", and worked with `\w+`: "(.*?)"\.', prompt, re.M
    ):
        iso = re.fullmatch(r"\d{4}-\d\d-\d\d", right) and not re.fullmatch(r"\d{4}-\d\d-\d\d", wrong)
        if (tool, argument) == ("add_days", "date") and iso:
            return datetime.strptime(date, "%d %B %Y").date().isoformat()
    return date


def accepted(date):
    return re.fullmatch(r"\d{4}-\d\d-\d\d", date) is not None


HELD_OUT = ["1 June 2021", "24 December 2019", "9 November 1989", "29 February 2024", "17 March 2030"]


def competence(prompt):
    return sum(accepted(student(prompt, date)) for date in HELD_OUT) / len(HELD_OUT)


def test_the_right_lesson_takes_a_student_from_none_to_all_of_the_held_out_requests_and_no_other_does():
    lessons = draw_lessons(
        [
            trial("t1", badly("3 May 2024"), well("2024-05-03")),
            trial("t2", call({"date": "2024-05-03", "days": "3"}, "- `days`: expected integer; got \"3\""), well()),
            trial("t3", {**badly(), "action": "weekday"}, {**well(), "action": "weekday"}),
        ]
    )  # fmt: skip
    right, other, other_tool = (
        next(lesson for lesson in lessons if (lesson.tool, lesson.argument) == what)
        for what in (("add_days", "date"), ("add_days", "days"), ("weekday", "date"))
    )
    assert competence("") == 0.0
    assert competence("\n".join(lesson_text(lesson) for lesson in rank_lessons(lessons, "add_days"))) == 1.0
    assert competence(lesson_text(other)) == competence(lesson_text(other_tool)) == 0.0
    words = lesson_text(right).split()
    for seed in range(20):
        Random(seed).shuffle(words)
        assert competence(" ".join(words)) == 0.0
    assert competence(lesson_text(right.model_copy(update={"wrong": right.right, "right": right.wrong}))) == 0.0
