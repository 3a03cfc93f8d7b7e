"""One whole episode, as `golden/episode.md` has it: read that file first."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

import ste_graph as ste

HERE = Path(__file__).parent
PAPER = HERE.parent / "workflows" / "paper.yaml"


class Said(NamedTuple):
    """One message, when it is first read and as every later prompt has it."""

    role: str
    shown: str
    kept: str


def golden() -> list[Said]:
    text = (HERE / "golden" / "episode.md").read_text("utf-8")
    text = re.sub(r"^## trial.*\n", "", text, flags=re.MULTILINE)
    parts = re.split(r"^### (user|assistant)\n", text, flags=re.MULTILINE)[1:]
    return [
        Said(
            role,
            shown=re.sub(r"<!-- (end of )?once -->\n", "", body).strip(),
            kept=re.sub(r"<!-- once -->\n.*?<!-- end of once -->\n", "", body, flags=re.DOTALL).strip(),
        )
        for role, body in zip(parts[::2], parts[1::2], strict=True)
    ]


def prompts(conversation: list[Said]) -> list[list[dict[str, str]]]:
    """The messages that the model gets for each of its replies: the talk as kept, then the last message as shown."""
    return [
        [
            *({"role": said.role, "content": said.kept} for said in conversation[:index]),
            {"role": asked.role, "content": asked.shown},
        ]
        for index, (asked, reply) in enumerate(pairwise(conversation))
        if reply.role == "assistant"
    ]


def test_the_golden_conversation_alternates_and_keeps_nothing_that_is_shown_once() -> None:
    conversation = golden()
    assert [said.role for said in conversation] == ["user", "assistant"] * (len(conversation) // 2)
    past = "These requests have been tried on the tool before"
    told = [said for said in conversation if past in said.shown]
    assert len(told) == 3
    assert not any(past in said.kept for said in conversation)


@pytest.fixture
def episode(tmp_path: Path) -> tuple[list[dict], Path]:
    """The messages that the model heard, and the run's folder."""
    conversation = golden()
    script, heard = tmp_path / "script.json", tmp_path / "heard.jsonl"
    script.write_text(json.dumps([said.kept for said in conversation if said.role == "assistant"]), "utf-8")
    workflow = ste.load(
        PAPER,
        set={
            "params.episodes": 1,
            "plugins": [str(HERE / "scripted.py")],
            "tools": [{"use": "python", "module": str(HERE / "golden" / "calendar_tools.py")}],
            "models.explorer": {"use": "scripted.Script", "script": str(script), "log": str(heard)},
        },
    )
    workflow.run(out=tmp_path / "run")
    return [json.loads(line) for line in heard.read_text("utf-8").splitlines()], tmp_path / "run"


def test_an_episode_of_the_paper_is_the_golden_conversation(episode: tuple[list[dict], Path]) -> None:
    heard, _ = episode
    assert [request["messages"] for request in heard] == prompts(golden())


def test_the_model_is_stopped_where_it_would_act_on_its_request_or_invent_an_observation(
    episode: tuple[list[dict], Path],
) -> None:
    heard, _ = episode
    stops = {
        "User Query:": ["Thought:"],
        "Final Answer: what the person should read": ["Observation:"],
        'Respond with "Yes" or "No".': [],
    }
    for request in heard:
        last = request["messages"][-1]["content"].splitlines()[-1]
        assert request["stop"] == stops.get(last, ["Observation:"]), last


def test_the_journal_says_what_happened_in_the_golden_conversation(episode: tuple[list[dict], Path]) -> None:
    _, folder = episode
    trials = [json.loads(line) for line in (folder / "journal.jsonl").read_text("utf-8").splitlines()]
    assert [(trial["trial"], trial["solved"], trial["ended_by"], trial["answer"]) for trial in trials] == [
        (0, True, "answer", "12 January 2023"),
        (1, True, "answer", "New Year's Day, 1 January 2025"),
        (2, True, "answer", "Until 2 June 2024"),
        (3, False, "turns", None),
    ]
    assert [
        [step["observation"] and step["observation"]["kind"] for step in trial["steps"]] for trial in trials
    ] == [
        ["ok"],
        ["malformed", "ok"],
        ["tool_error", "ok"],
        ["tool_error", "tool_error", "tool_error", "tool_error", None],
    ]  # fmt: skip
    assert [trial["steps"][0]["action"] for trial in trials] == ["add_days", None, "add_days", "add_days"]
    assert trials[1]["query"] == "Which day comes right after the last day of 2024?"
