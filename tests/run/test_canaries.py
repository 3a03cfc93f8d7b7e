"""The texts that no prompt of a variant may hold: each canary sings in the base arm, and is silent in the variant."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import ste_graph as ste

HERE = Path(__file__).parent
WORKFLOWS = HERE.parents[1] / "workflows"
EPISODES, TRIALS = 2, 3

TOOL = '''
import ste_graph as ste


@ste.tool(effect="read")
def weigh(number: int = 0) -> str:
    """Weigh a thing."""
    return f"observation-canary-{number}"
'''


class Prompt(NamedTuple):
    """One prompt: the trial it belongs to, counted over the unit, and the texts of its messages."""

    trial: int
    messages: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.messages)

    @property
    def episode(self) -> int:
        return self.trial // TRIALS


Sings = Callable[[Prompt, list[str]], bool]


def request_of_an_earlier_episode(prompt: Prompt, requests: list[str]) -> bool:
    return any(request in prompt.text for request in requests[: prompt.episode * TRIALS])


def thought_or_observation_of_an_earlier_trial(prompt: Prompt, requests: list[str]) -> bool:
    return any(
        canary in prompt.text
        for trial in range(prompt.trial)
        for canary in (f"thought-canary-{trial}", f"observation-canary-{trial}")
    )


def observation(prompt: Prompt, requests: list[str]) -> bool:
    return "observation-canary" in prompt.text


def verdict(prompt: Prompt, requests: list[str]) -> bool:
    return any(said in prompt.text for said in ("verdict-canary", "Solved: Yes", "Solved: No"))


CANARIES: dict[str, Sings] = {
    "no-long-term": request_of_an_earlier_episode,
    "no-short-term": thought_or_observation_of_an_earlier_trial,
    "no-feedback": observation,
    "no-reflection": verdict,
    "placebo": request_of_an_earlier_episode,
}


@pytest.fixture
def prompts(tmp_path: Path) -> Callable[[str, str | None], tuple[list[Prompt], list[dict]]]:
    """The prompts and the journal of one arm of a workflow."""
    (tmp_path / "tools.py").write_text(TOOL)

    def of(name: str, variant: str | None) -> tuple[list[Prompt], list[dict]]:
        heard = tmp_path / f"{name}.{variant}.jsonl"
        changes = {
            "params": {"episodes": EPISODES, "trials": TRIALS, "turns": 4},
            "plugins": [str(HERE.parent / "scripted.py")],
            "models.explorer": {"use": "scripted.Canary", "log": str(heard)},
            "tools": [{"use": "python", "module": str(tmp_path / "tools.py")}],
        }
        wf = ste.load(WORKFLOWS / f"{name}.yaml", variant=variant, set=changes)
        out = tmp_path / f"{name}.{variant}"
        assert wf.run(out=out).complete
        journal = [json.loads(line) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]
        return [Prompt(**json.loads(line)) for line in heard.read_text("utf-8").splitlines()], journal

    return of


@pytest.mark.parametrize("variant", CANARIES)
@pytest.mark.parametrize("name", ["paper", "explore", "quickstart"])
def test_a_variant_withholds_just_what_it_says(prompts, name: str, variant: str) -> None:
    sings = CANARIES[variant]
    base, _ = prompts(name, None)
    arm, journal = prompts(name, variant)
    requests = [trial["query"] for trial in journal]
    assert len(requests) == EPISODES * TRIALS
    # Our own prompts show no verdict, so that there is nothing for `no-reflection` to withhold.
    assert any(sings(prompt, requests) for prompt in base) or (name != "paper" and variant == "no-reflection")
    assert [prompt for prompt in arm if sings(prompt, requests)] == []
    assert [step["observation"]["text"] for trial in journal for step in trial["steps"]] == [
        f"observation-canary-{number}" for number in range(EPISODES * TRIALS)
    ]
    assert {trial["solved"] for trial in journal} == {None if variant == "no-reflection" else True}


def test_the_placebo_shows_as_many_requests_of_the_same_length(prompts) -> None:
    def shown(arm: list[Prompt]) -> list[tuple[int, int]]:
        last = [prompt.messages[-1] for prompt in arm if prompt.messages[-1].endswith("User Query:")]
        lists = [[line for line in text.splitlines() if line.startswith("Query: ")] for text in last]
        return [(len(lines), sum(map(len, lines))) for lines in lists]

    assert shown(prompts("paper", "placebo")[0]) == shown(prompts("paper", None)[0])
    assert [count for count, _ in shown(prompts("paper", None)[0])] == [0, 1, 2, 3, 4, 5]
