"""The cost of a trial against the same loop written by hand in LangGraph with conditional edges.

Same prompts rendered, same lines written, same requests embedded and stored, same scripted chat model and tool.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, StateGraph

import ste_graph as ste
from ste_graph.contracts import Entry, RecordStore, Tool
from ste_graph.language.workflow import Workflow
from ste_graph.memory.experience.settings import Experience
from ste_graph.models.adapter import Adapter
from ste_graph.models.langchain import LangChainClient
from ste_graph.models.meter import Meter
from ste_graph.protocols import react
from ste_graph.protocols.next_step import FinalAnswer
from ste_graph.run.context import Watcher
from ste_graph.run.execution import execute
from ste_graph.run.logs.step_log import StepLog
from tests.bench.rows import Row

TOOLS, EPISODES, TRIALS = 2, 15, 4
"""The paper's size: sixty trials a tool."""
PAIRS = 15
STEPS = 6
REACH = 1.0
HEAD = "import ste_graph as ste\n"
TOOL = '''

@ste.tool(effect="read")
def double_{}(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


class Scripted(BaseChatModel):
    """Answers each prompt of a trial as a good model would, at once."""

    count: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        last = str(messages[-1].content)
        if last.endswith("User Query:"):
            self.count += 1
            text = (
                f"What is twice {self.count}, please? I need it for shelf {self.count * 7} of aisle {self.count % 13}."
            )
        elif last.startswith("Observation:"):
            text = f"Thought: done\nFinal Answer: It is {last.split()[-1]}."
        elif last.endswith('Respond with "Yes" or "No".'):
            text = "Yes"
        else:
            name = next(str(m.content) for m in messages).partition("API_name: ")[2].split()[0]
            text = f'Thought: I double it\nAction: {name}\nAction Input: {{"number": {self.count}}}'
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(messages)


class ScriptedAdapter(Adapter):
    """The scripted model behind the engine's gateway."""

    @property
    def label(self) -> str:
        return "scripted"

    def open_client(self) -> LangChainClient:
        return LangChainClient(Scripted(), self.label)


def workflow(folder: Path) -> Workflow:
    (folder / "double.py").write_text(HEAD + "".join(TOOL.format(n) for n in range(TOOLS)), encoding="utf-8")
    changes = {
        "params": {"episodes": EPISODES, "trials": TRIALS, "turns": 4},
        "tools": [{"use": "python", "module": str(folder / "double.py")}],
    }
    loaded = ste.load("workflows/paper.yaml", set=changes).workflow
    return replace(loaded, models={"explorer": ScriptedAdapter()})


class State(TypedDict):
    """The state that the hand-written loop passes from vertex to vertex."""

    episode: int
    trial: int
    turn: int
    messages: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    query: str
    step: Any
    text: str | None
    solved: bool


async def all_by_hand(loaded: Workflow, folder: Path, episodes: int = EPISODES) -> float:
    """Every tool explored by hand, side by side; gives the processor time at which the trials began."""
    from ste_graph.run.tools import open_tools

    store = await asyncio.to_thread(Experience().open, "long_term", folder / "memory")
    await store.reconcile([])
    async with open_tools(loaded) as tools:
        begun = time.process_time()
        await asyncio.gather(*(by_hand(loaded, folder, tool, store, episodes) for tool in tools))
    await store.close()
    return begun


async def by_hand(loaded: Workflow, folder: Path, tool: Tool, store: RecordStore, episodes: int = EPISODES) -> None:
    """The loop as a person would write it: no resume, no retry, no budget, no checks, no fsync; the same lines."""
    prompts = {name: spec.prompts["prompt"] for name, spec in loaded.nodes.items() if spec.prompts}
    chat = Scripted()
    lines = (folder / f"{tool.name}.jsonl").open("ab", buffering=0)
    journal = (folder / "journal.jsonl").open("ab", buffering=0)
    item = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}

    def write(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    async def ask(name: str, state: State, stop: list[str] | None = None, **values: Any) -> tuple[str, list[Any]]:
        shown = {"messages": state["messages"], "empty": not state["messages"]}
        rendered = prompts[name].render({"tool": item, "short_term": shown, **values})
        sent = convert_to_messages([*state["messages"], {"role": "user", "content": rendered.text}])
        reply = (await chat.ainvoke(sent, stop=stop)).text
        said = [{"role": "user", "content": rendered.transcript_text}, {"role": "assistant", "content": reply}]
        return reply, said

    async def imagine(state: State) -> dict[str, Any]:
        entries = await store.recall((tool.name,), like=None, seed=0)
        query, said = await ask("imagine", state, long_term={"entries": entries, "empty": not entries})
        write({"node": "imagine", "gives": {"query": query}, "said": said})
        return {"query": query, "messages": [*state["messages"], *said], "text": None, "steps": [], "turn": 0}

    async def call(state: State) -> dict[str, Any]:
        values = {"imagine": {"query": state["query"]}, "observe": {"text": state["text"]}}
        reply, said = await ask("call", state, list(react.STOP), **values)
        step = react.parse(reply)
        write({"node": "call", "gives": {"thought": step.thought, "step": type(step).__name__}, "said": said})
        return {"step": step, "messages": [*state["messages"], *said]}

    async def observe(state: State) -> dict[str, Any]:
        step = state["step"]
        seen = await tool.call(step.arguments)
        kept = {"ok": seen.ok, "kind": seen.kind, "text": seen.text}
        write({"node": "observe", "gives": {"text": seen.text, "observation": kept}})
        done = {"thought": step.thought, "action": step.name, "arguments": step.arguments, "observation": kept}
        return {"text": seen.text, "steps": [*state["steps"], done], "turn": state["turn"] + 1}

    async def reflect(state: State) -> dict[str, Any]:
        reply, said = await ask("reflect", state, imagine={"query": state["query"]})
        write({"node": "reflect", "gives": {"solved": reply == "Yes"}, "said": said})
        return {"solved": reply == "Yes", "messages": [*state["messages"], *said]}

    async def record(state: State) -> dict[str, Any]:
        trial = {key: state[key] for key in ("episode", "trial", "query", "steps", "solved")}
        trial |= {"answer": state["step"].text}
        write({"node": "record", "record": trial})
        journal.write(json.dumps(trial, ensure_ascii=False).encode() + b"\n")
        number = state["episode"] * TRIALS + state["trial"]
        store.add(Entry(id=f"{tool.name}-{number}", scope=(tool.name,), text=state["query"], record=trial))
        if state["trial"] + 1 < TRIALS:
            return {"trial": state["trial"] + 1}
        return {"trial": 0, "episode": state["episode"] + 1, "messages": []}

    graph = StateGraph(State)
    for vertex in (imagine, call, observe, reflect, record):
        graph.add_node(vertex.__name__, vertex)
    graph.add_edge(START, "imagine")
    graph.add_edge("imagine", "call")
    graph.add_conditional_edges(
        "call",
        lambda s: "observe" if not isinstance(s["step"], FinalAnswer) and s["turn"] < 4 else "reflect",
        ["observe", "reflect"],
    )
    graph.add_edge("observe", "call")
    graph.add_edge("reflect", "record")
    graph.add_conditional_edges("record", lambda s: "imagine" if s["episode"] < episodes else END, ["imagine", END])
    begin: Mapping[str, Any] = {"episode": 0, "trial": 0, "turn": 0, "messages": [], "steps": [], "text": None}
    await graph.compile().ainvoke(begin, config={"recursion_limit": 100_000})  # type: ignore[call-overload]


class Begun(Watcher):
    """Notes when a run has set everything up and its trials begin."""

    def __init__(self) -> None:
        self.at = 0.0

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        self.at = time.process_time()


def ours(loaded: Workflow, folder: Path) -> tuple[float, float]:
    """Seconds of processor time: to set a run up, and for its trials."""
    started, begun = time.process_time(), Begun()
    asyncio.run(execute(loaded, folder / "ours", watcher=begun))
    return begun.at - started, time.process_time() - begun.at


def hand(loaded: Workflow, folder: Path) -> tuple[float, float]:
    """The same, by hand."""
    (folder / "hand").mkdir()
    started = time.process_time()
    begun = asyncio.run(all_by_hand(loaded, folder / "hand"))
    return begun - started, time.process_time() - begun


def measured(side: Callable[[Workflow, Path], tuple[float, float]]) -> tuple[float, float]:
    """Milliseconds of processor time: once a run, and once a trial.

    Processor time, because the time on the clock depends on whatever else the machine does.
    """
    with tempfile.TemporaryDirectory() as name:
        loaded = workflow(Path(name))
        gc.collect()  # neither side is to clear up behind the other
        run, trials = side(loaded, Path(name))
    return run * 1000, trials / (TOOLS * EPISODES * TRIALS) * 1000


def main() -> list[Row]:
    measured(ours)  # loads the embedder, Chroma and LangGraph
    measured(hand)
    # In turns, and each first as often as the other: what else the machine does hits both alike.
    pairs = []
    for turn in range(PAIRS):
        order = (ours, hand) if turn % 2 else (hand, ours)
        found = {side: measured(side) for side in order}
        pairs.append((found[ours], found[hand]))
    (our_run, our_trial), (hand_run, hand_trial) = (
        [median(pair[side][part] for pair in pairs) for part in (0, 1)] for side in (0, 1)
    )
    ratios = [our[1] / by_hand[1] for our, by_hand in pairs]
    count = TOOLS * EPISODES * TRIALS
    print(f"  a trial: {our_trial:.2f} ms of processor time, by hand {hand_trial:.2f} ms;")
    print(f"  medians of {PAIRS} pairs in turns, {count} trials each; once a run: {our_run:.0f} and {hand_run:.0f} ms")
    print(f"  ratio {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f} (to reach: {REACH})")
    print(f"  supersteps a trial: {STEPS} by hand (imagine, call, observe, call, reflect, record), 1 in ours")
    anchor = f"the same loop by hand in LangGraph: {hand_trial:.2f} ms of CPU a trial, ours {our_trial:.2f}"
    note = f"median of {PAIRS} pairs in turns, from {min(ratios):.2f} to {max(ratios):.2f}"
    return [Row("the engine, a trial", median(ratios), " x", REACH, anchor=anchor, note=note)]
