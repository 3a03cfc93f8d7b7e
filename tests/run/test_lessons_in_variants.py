"""The place of lessons and near requests: in no prompt of an arm that withholds what they are made of."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from tests.scripted import TOO_CLOSE

HERE = Path(__file__).parent
WORKFLOWS = HERE.parents[1] / "workflows"
LESSON = (
    "Lesson: calling weigh, it failed with `number`: 700, and worked with `number`: 90. "
    "The error was: ValueError: the scale-canary ends at #"
)

TOOL = '''
import ste_graph as ste


@ste.tool(effect="read")
def weigh(number: int = 0) -> str:
    """Weigh a thing."""
    if number > 99:
        raise ValueError("the scale-canary ends at 99")
    return f"observation-canary-{number}"
'''


@pytest.fixture
def prompts(tmp_path: Path) -> Callable[..., tuple[list[dict], list[dict]]]:
    """The prompts and the journal of one arm: four trials in two episodes."""
    (tmp_path / "tools.py").write_text(TOOL)

    def of(variant: str | None, **changes: object) -> tuple[list[dict], list[dict]]:
        heard = tmp_path / f"{variant}.jsonl"
        given = {
            "params": {"episodes": 2, "trials": 2, "turns": 4},
            "plugins": [str(HERE.parent / "scripted.py")],
            "models.explorer": {"use": "scripted.Blundering", "log": str(heard)},
            "tools": [{"use": "python", "module": str(tmp_path / "tools.py")}],
            **changes,
        }
        out = tmp_path / f"run of {variant}"
        assert ste.load(WORKFLOWS / "explore.yaml", variant=variant, set=given).run(out=out).complete
        lines = (out / "journal.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in heard.read_text("utf-8").splitlines()], [
            json.loads(item) for item in lines
        ]

    return of


@pytest.mark.parametrize("variant", [None, "no-reflection"])
def test_a_lesson_is_shown_from_the_next_trial_on_to_both_prompts_and_is_kept_in_none(prompts, variant) -> None:
    heard, journal = prompts(variant)
    for prompt in heard:
        *before, last = prompt["messages"]
        asks = last.endswith("User Query:") or (last.startswith("The request:") and "fulfilled?" not in last)
        assert (LESSON in last) == (asks and prompt["trial"] == 1), last
        assert not any("Lesson:" in message for message in before)
    # Shown once, and the same mistake was made all the same: it is retired.
    assert [len(trial["lessons"]) for trial in journal] == [0, 1, 0, 0]
    assert [trial["new"] for trial in journal] == [True] * 4


@pytest.mark.parametrize("variant", ["no-long-term", "no-short-term", "no-feedback", "placebo", "no-lessons"])
def test_a_variant_that_withholds_what_lessons_come_from_shows_none(prompts, variant: str) -> None:
    heard, journal = prompts(variant)
    assert not any("Lesson:" in message for prompt in heard for message in prompt["messages"])
    assert [trial["lessons"] for trial in journal] == [[]] * 4
    if variant == "no-feedback":
        assert not any("canary" in message for prompt in heard for message in prompt["messages"])
    if variant == "no-short-term":
        begins = [prompt for prompt in heard if prompt["messages"][-1].endswith("User Query:")]
        assert not any("canary" in message for prompt in begins for message in prompt["messages"])


def test_a_request_asked_again_is_shown_what_was_tried_except_by_a_placebo(prompts) -> None:
    def again(variant: str | None) -> list[str]:
        last = [prompt["messages"][-1] for prompt in prompts(variant)[0]]
        return [text for text in last if TOO_CLOSE in text]

    first = "How many violins does an orchestra of ninety people usually have?"
    assert [f"ask for something else:\n{first}\n" in text for text in again(None)] == [True] * 3
    assert [first in text for text in again("placebo")] == [False] * 3


def test_a_request_that_stayed_too_close_is_marked_in_its_record(prompts) -> None:
    _, journal = prompts(None, **{"graph.try.at_most": 1})
    assert [trial["new"] for trial in journal] == [True, False, False, False]


def test_a_placebo_of_another_tool_shows_its_requests_and_none_of_the_own(prompts, tmp_path: Path) -> None:
    changes = {"params": {"episodes": 1, "trials": 2, "turns": 2}}
    only = [{"use": "python", "module": str(WORKFLOWS / "tools" / "everyday.py"), "include": ["to_roman"]}]
    ste.load(WORKFLOWS / "quickstart.yaml", set={**changes, "tools": only}).run(out=tmp_path / "earlier")
    earlier = [trial.query for trial in ste.open_run(tmp_path / "earlier").trials()]
    other = {"memory.long_term.recall": {"other_tool": str(tmp_path / "earlier")}}
    heard, journal = prompts("placebo", **other)
    begins = [prompt["messages"][-1] for prompt in heard if prompt["messages"][-1].endswith("User Query:")]
    head = "These requests have been tried on the tool before; ask for something else:\n"
    listed = [text.partition(head)[2].partition("\n\n")[0].splitlines() for text in begins]
    requests = [trial["query"] for trial in journal]
    # The first trial asks once, the others twice; with three earlier ones the two of the other tool come round again.
    assert [len(lines) for lines in listed] == [0, 1, 1, 2, 2, 3, 3]
    assert all(any(request in line for request in earlier) for lines in listed for line in lines)
    assert not any(request in text for request in requests for text in begins)
