"""A transcript with a bound, in whole runs: what the model is told, and that a resumed run tells it the same."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.memory.transcript import count_tokens

BOUND = 100


@pytest.fixture
def run(tiny: Path, tmp_path: Path) -> Callable[..., list[list[dict]]]:
    """Runs one unit of twelve turns in a folder, and gives every prompt that the model heard, as messages."""

    def of(out: str, **changes: object) -> list[list[dict]]:
        heard = tmp_path / f"{out}.jsonl"
        given = {"params": {"items": ["one"], "turns": 12}, "models.model.heard": str(heard), **changes}
        ste.load(tiny, set=given).run(out=tmp_path / out)
        return [json.loads(line) for line in heard.read_text("utf-8").splitlines()]

    return of


def test_a_prompt_holds_the_first_turns_a_line_per_older_record_and_the_newest_ones_whole(run) -> None:
    prompts = run("bounded", **{"memory.talk.max_tokens": BOUND})
    assert len(prompts) == 12
    for number, prompt in enumerate(prompts):
        roles = [message["role"] for message in prompt]
        assert roles == ["user", "assistant"] * (len(prompt) // 2) + ["user"]
        assert prompt[0]["content"] == "Think of one, turn 0."
        assert prompt[-1]["content"] == f"Think of one, turn {number}."
        assert count_tokens(prompt[:-1]) <= BOUND
    told = prompts[-1][2]["content"].splitlines()
    assert told[0] == "The conversation about these is left out here:"
    # No tool was called, so that nothing counts as solved, whatever the model says.
    assert all(line.startswith("Query: said ") and line.endswith(" | Solved: No") for line in told[1:])
    assert prompts[-1][-3]["content"] == "Think of one, turn 10."


def test_without_a_bound_every_turn_is_shown(run) -> None:
    assert [len(prompt) for prompt in run("whole")] == [2 * number + 1 for number in range(12)]


@pytest.mark.parametrize("stops_after", [1, 4, 7, 11])
def test_a_run_taken_up_again_tells_the_same(run, stops_after: int) -> None:
    bound = {"memory.talk.max_tokens": BOUND}
    whole = run("whole", **bound)
    first = run("resumed", **bound, **{"budget.model_calls": stops_after})
    assert first == whole[:stops_after]
    assert run("resumed", **bound) == whole


def test_the_bound_is_a_setting_like_any_other(tiny: Path) -> None:
    with pytest.raises(ste.WorkflowError, match=r"max_tokens.*greater than or equal to 1|at least 1"):
        ste.load(tiny, set={"memory.talk.max_tokens": 0})


def test_the_tool_stays_in_view_however_short_the_memory_is(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        'import ste_graph as ste\n\n\n@ste.tool(effect="read")\ndef weigh(number: int) -> str:\n'
        '    """Weigh a thing."""\n    return "light"\n'
    )
    changes = {
        "params": {"episodes": 1, "trials": 4, "turns": 2},
        "plugins": [str(Path(__file__).parents[1] / "scripted.py")],
        "models.explorer": {"use": "scripted.Canary", "log": str(tmp_path / "heard.jsonl")},
        "tools": [{"use": "python", "module": str(tmp_path / "tools.py")}],
        "memory.short_term.max_tokens": 600,
    }
    ste.load(Path(__file__).parents[2] / "workflows" / "paper.yaml", set=changes).run(out=tmp_path / "run")
    prompts = [json.loads(line)["messages"] for line in (tmp_path / "heard.jsonl").read_text("utf-8").splitlines()]
    assert len(prompts) == 16
    assert all("API_name: weigh" in prompt[0] for prompt in prompts)
    assert not any("thought-canary-0" in text for text in prompts[-1])
    assert any("Query: My cat weighs four kilos" in text for text in prompts[-1])
