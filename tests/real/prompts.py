"""Replies of a small real model to the shipped prompts, and to those before them: readable, right tool, exact.

    python tests/real/prompts.py --before COMMIT [answer call imagine] [--seed 0] [--cases 18] [--show]

The model is that of `STE_MODEL_URL` and `STE_MODEL`. Prompts are tuned with seeds 0 to 9 and reported with others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "distil"))

import everyday  # noqa: E402

from ste_graph.json_values import equal  # noqa: E402
from ste_graph.prompts.prompt import Prompt  # noqa: E402
from ste_graph.protocols import react  # noqa: E402
from ste_graph.protocols.next_step import Action, Malformed  # noqa: E402
from ste_graph.protocols.reader import read_reply_text  # noqa: E402
from ste_graph.scoring.rules import same_text  # noqa: E402
from ste_graph.tools.fingerprint import describe_tool  # noqa: E402

FILES = {"answer": "answer.md", "call": "call_taught.md", "imagine": "imagine_anew.md"}
ABSENT = {"empty": True, "entries": [], "messages": []}
Values = dict[str, Any]


def shown(trials: list[Values]) -> Values:
    """The exemplars of an arm, in all forms that prompts have asked for."""
    pairs = [
        {"query": made["query"], "action": made["steps"][-1]["action"], "arguments": made["steps"][-1]["arguments"]}
        for made in trials
    ]
    text = "\n\n".join(
        f"User Query: {pair['query']}\n" + react.render("", pair["action"], pair["arguments"]).partition("\n")[2]
        for pair in pairs
    )
    return {"lines": [], "examples": text, "calls": pairs}


def values(trial: Values, exemplars: list[Values]) -> Values:
    """All that a prompt may read for a request."""
    tools = [describe_tool(tool) for tool in everyday.toolbox().tools.values()]
    (own,) = [tool for tool in tools if tool["name"] == trial["tool"]]
    return {
        "tool": {**own, "restraint": False},
        "offer": {"tools": tools},
        "case": {"query": trial["query"]},
        "show": {**shown(exemplars), "tools": tools, "guidelines": []},
        "imagine": {"query": trial["query"]},
        "observe": {"text": None},
        "lessons": {"lines": []},
        "short_term": ABSENT,
        "long_term": ABSENT,
        "novelty": {"new": None, "near": []},
        "check": {"reason": None},
        "values": {"known": {}},
    }


@cache
def exemplar_pool() -> list[Values]:
    """Trials to show, of other requests than those that are asked."""
    return list(everyday.good(90, seed=5000))


def judge_call(reply: str, trial: Values) -> list[str]:
    """The merits of a reply that should be the call of a trial."""
    schemas = {name: tool.parameters for name, tool in everyday.toolbox().tools.items()}
    step = read_reply_text(reply, schemas)
    found = ["readable"] if not isinstance(step, Malformed) else []
    gold = trial["steps"][-1]
    if isinstance(step, Action) and step.name == gold["action"]:
        found.append("right tool")
        if equal(gold["arguments"], step.arguments) or same_text(gold["arguments"], step.arguments):
            found.append("exact")
    return found


def judge_request(reply: str, trial: Values) -> list[str]:
    """The merits of a reply that should be a request, or its fault."""
    from ste_graph.distil.requests import find_request_fault
    from ste_graph.protocols.request import find_request

    (tool,) = [tool for tool in everyday.toolbox().tools.values() if tool.name == trial["tool"]]
    fault = find_request_fault(find_request(reply), tool.name, tool.parameters)
    return ["readable"] if fault is None else [fault]


class Server:
    """The model under `STE_MODEL_URL`; a few requests at a time."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(base_url=os.environ["STE_MODEL_URL"].rstrip("/"), timeout=300)
        self._at_once = asyncio.Semaphore(4)

    async def ask(self, prompt: Prompt, known: Values, seed: int, temperature: float) -> str:
        rendered = prompt.render({root: known[root] for root in prompt.roots})
        body = {
            "model": os.environ["STE_MODEL"],
            "messages": [*rendered.leading, {"role": "user", "content": rendered.text}],
            "temperature": temperature,
            "max_tokens": 160,
            "seed": seed,
            "stop": ["Observation:"],
        }
        async with self._at_once:
            reply = await self._client.post("/chat/completions", json=body)
        reply.raise_for_status()
        return str(reply.json()["choices"][0]["message"]["content"] or "")


def read_prompt(name: str, commit: str | None) -> Prompt:
    """A shipped prompt, as it is or as it was."""
    path = f"workflows/prompts/{name}"
    if commit is None:
        return Prompt.read(ROOT / path)
    git = ["git", "-C", str(ROOT), "show", f"{commit}:{path}"]
    return Prompt(subprocess.run(git, capture_output=True, text=True, check=True).stdout, f"{commit}:{path}")


async def measure(
    server: Server, prompt: Prompt, trials: list[Values], exemplars: int, judge: Callable[..., list[str]], show: bool
) -> Counter[str]:
    """The number of replies with each merit."""
    random, pool = Random(7), exemplar_pool()
    asked = []
    for place, made in enumerate(trials):
        same = [other for other in pool if other["tool"] == made["tool"]]
        others = [other for other in pool if other["tool"] != made["tool"]]
        near = [*random.sample(others, exemplars // 2), *random.sample(same, exemplars - exemplars // 2)]
        temperature = 0.0 if "case" in prompt.roots else 0.7
        asked.append(server.ask(prompt, values(made, near), place, temperature))
    counts: Counter[str] = Counter()
    for made, reply in zip(trials, await asyncio.gather(*asked), strict=True):
        right = judge(reply, made)
        counts.update(right)
        if show:
            print(f"--- {made['tool']}: {made['query']}\n{reply}\n    {right}")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=list(FILES))
    parser.add_argument("--before", metavar="COMMIT", help="ask the prompts of this commit too")
    parser.add_argument("--file", type=Path, help="ask this prompt in place of the shipped one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=18)
    parser.add_argument("--exemplars", type=int, nargs="*", default=[0, 8], help="how many an answer is shown")
    parser.add_argument("--show", action="store_true", help="print each reply")
    given = parser.parse_args()
    exemplar_pool()
    trials = list(everyday.good(given.cases, seed=given.seed))
    asyncio.run(compare(given, trials))


async def compare(given: argparse.Namespace, trials: list[Values]) -> None:
    """Ask each prompt, and print what is right about the replies."""
    server = Server()
    for what in given.what:
        judge = judge_request if what == "imagine" else judge_call
        prompts = [("before", read_prompt(FILES[what], given.before))] if given.before else []
        prompts.append(("now", Prompt.read(given.file) if given.file else read_prompt(FILES[what], None)))
        for label, prompt in prompts:
            for exemplars in given.exemplars if what == "answer" else [0]:
                counts = await measure(server, prompt, trials, exemplars, judge, given.show)
                arm = f"{what}, {exemplars} exemplars" if what == "answer" else what
                print(f"{arm:22} {label:7} of {len(trials)}: {dict(counts)}", flush=True)


if __name__ == "__main__":
    main()
