"""The simulated model as judge and as writer: it goes by the words of the prompt."""

import json
from collections.abc import Mapping
from importlib.resources import files
from random import Random
from typing import Any

import pytest

from ste_graph.distil.gates import drift_fault
from ste_graph.distil.votes import QUESTIONS, SCHEMA
from ste_graph.plausible_values import plausible_value
from ste_graph.prompts.prompt import Prompt
from ste_graph.simulated.policy import respond
from ste_graph.simulated.reading import ShownTool, Turn
from ste_graph.simulated.wording import word_request

from .explore import TOOLS, ToyTool, renamed


def reply_to(name: str, *, seed: int = 0, mistakes: float = 0.0, schema: Any = None, **values: Any) -> str:
    """The reply to a bundled prompt."""
    text = (files("ste_graph.workflows") / "prompts" / f"{name}.md").read_text("utf-8")
    prompt = Prompt(text).render({"wordings": {"empty": True}, **values}).text
    return respond([Turn("user", prompt)], seed=seed, mistakes=mistakes, schema=schema)


def case(tool: ToyTool, seed: int) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A tool as prompts have it, a request, and the arguments that it asks for."""
    random = Random(f"{tool.name} {seed}")
    arguments = plausible_value(tool.schema, random)
    shown = ShownTool(tool.name, tool.description, tool.schema)
    item = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return item, word_request(shown, arguments, random), arguments


def judged(item: Mapping[str, Any], query: str, arguments: Any, text: str, answer: str) -> dict[str, Any]:
    step = {"action": item["name"], "arguments": arguments, "observation": {"text": text}}
    trial = {"query": query, "answer": answer}
    verdict: dict[str, Any] = json.loads(
        reply_to("judge", schema=SCHEMA, tool=item, trial=trial, filter={"steps": [step]})
    )
    return {name: verdict[name] for name in QUESTIONS}


STRANGERS = [renamed(tool, Random(f"{tool.name} again")) for tool in TOOLS]


@pytest.mark.parametrize("tools", [TOOLS, STRANGERS], ids=["known", "renamed"])
def test_a_faithful_answer_passes_and_one_that_gives_up_or_invents_does_not(tools: list[ToyTool]) -> None:
    for tool in tools:
        item, query, arguments = case(tool, 1)
        fine = judged(item, query, arguments, "it is 4711 amber", "The result is: it is 4711 amber")
        assert fine["informative"]
        assert fine["faithful"]
        gave_up = judged(item, query, arguments, "it is 4711 amber", "I could not do this.")
        assert not gave_up["informative"]
        invented = judged(item, query, arguments, "it is 4711 amber", "The result is: it is 9925 violet, garnished")
        assert not invented["faithful"]


def drifted(tools: list[ToyTool], mistakes: float) -> float:
    """The share of paraphrases that no longer ask for the same call."""
    count = faults = 0
    for tool in tools:
        for seed in range(20):
            item, query, arguments = case(tool, seed)
            source = {"query": query, "steps": [{"arguments": arguments}]}
            paraphrased = reply_to("paraphrase", seed=seed, mistakes=mistakes, tool=item, source=source)
            assert paraphrased != query
            stated_values = [name for name in arguments if name in tool.schema.get("required", ())]
            count += 1
            faults += drift_fault(query, paraphrased, arguments, tool.schema, stated_values) is not None
    return faults / count


def test_a_paraphrase_keeps_the_values_but_for_slips_whatever_things_are_called() -> None:
    assert drifted(TOOLS, 0.0) < 0.1
    assert abs(drifted(TOOLS, 0.0) - drifted(STRANGERS, 0.0)) < 0.05
    assert drifted(TOOLS, 1.0) > drifted(TOOLS, 0.0) + 0.1


def test_a_value_that_is_to_be_left_out_is_and_another_matter_is_another() -> None:
    for tool in TOOLS:
        item, query, arguments = case(tool, 3)
        steps = [{"arguments": arguments, "observation": {"text": "fine"}}]
        composed = reply_to("compose", tool=item, trial={"steps": steps})
        assert all(str(value) in composed for value in arguments.values() if type(value) is int)
        other = reply_to("unrelated_request", tool=item, original={"query": query})
        assert not set(other.lower().split()) >= set(query.lower().split())
        for name, value in arguments.items():
            if isinstance(value, str) and value not in tool.description:
                original = {"query": query, "steps": steps, "missing": name}
                assert value not in reply_to("missing_argument", tool=item, original=original)
