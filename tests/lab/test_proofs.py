"""The findings of `ste check --proofs`: wirings that were cut are found, and those of the shipped arms are whole."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.experiment import Experiment
from ste_graph.lab.proofs import prove

WORKFLOWS = Path(__file__).parents[2] / "workflows"

WISH = """\
This is the tool:

API_name: {{ tool.name }}
Description: {{ tool.description }}
Parameters (JSON Schema): {{ tool.parameters }}

DIARY
What would a person ask?
User Query:
"""
ENTRIES = "{% for past in diary.entries %}Asked before: {{ past.query }}\n{% endfor %}"
CALL = """\
{% if observe.text is none %}Serve this: {{ imagine.query }}
Thought: …
Action: {{ tool.name }}
Action Input: {}
or
Final Answer: …{% else %}Observation: {{ observe.text }}{% endif %}
"""
VERDICT = 'Was it served: {{ imagine.query }}? Respond with "Yes" or "No".'
PLUGIN = '''
from pathlib import Path
from typing import ClassVar, Literal

from ste_graph.contracts import Context, Frozen, RecordView
from ste_graph.node import Node, NodeInputs, NodeOutputs


class Remember(Node):
    """Says what was asked last."""

    memory: RecordView

    class Outputs(NodeOutputs):
        """The last request."""

        last: str | None

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> Outputs:
        entries = await self.memory.entries()
        return self.Outputs(last=entries[-1].record["query"] if entries else None)


class Forget(Remember):
    """Has a memory, and does not look at it."""

    async def __call__(self, inputs: NodeInputs, ctx: Context) -> Remember.Outputs:
        return self.Outputs(last=None)


class Hoard(Node):
    """Keeps what was asked where no lifetime reaches."""

    kept: ClassVar[list[str]] = []

    class Inputs(NodeInputs):
        """The request."""

        query: str | None = None

    class Outputs(NodeOutputs):
        """All requests so far."""

        all: list[str]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if inputs.query:
            self.kept.append(inputs.query)
        return self.Outputs(all=list(self.kept))


class Shelf(Frozen):
    """A memory of one's own."""

    holds: ClassVar[Literal["records"]] = "records"
    fault: str = ""

    def open(self, name: str, folder: Path, *, lasting: bool) -> "Store":
        return Store(self.fault)


class Store:
    """`fault`: what is wrong with it."""

    def __init__(self, fault: str) -> None:
        self.fault, self.kept = fault, []

    async def reconcile(self, entries) -> None: ...

    def add(self, entry) -> None:
        self.kept.append(entry)

    async def recall(self, scope, *, like, seed, own=()):
        return [dict(entry.record) for entry in await self.entries(scope, own=own)]

    async def nearest(self, scope, text, k, *, own=()):
        return []

    async def entries(self, scope, *, own=()):
        if self.fault == "empty":
            return []
        if self.fault == "other scope":
            return [entry for entry in self.kept if entry.scope == (*scope, "")]
        if self.fault == "all scopes":
            return list(self.kept)
        return [entry for entry in self.kept if entry.scope == scope]

    def release(self, unit: str) -> None: ...

    async def close(self) -> None: ...
'''
TRIAL: list[Any] = [
    "imagine",
    "call",
    {"repeat": "turn", "while": "not call.finished", "at_most": 3, "do": ["observe", "call"]},
    "reflect",
    {
        "record": "trial",
        "as": {
            "query": "imagine.query",
            "steps": {"each": ["call", "observe"]},
            "answer": "call.answer",
            "solved": "reflect.solved",
        },
    },
]
Edit = Callable[[dict[str, Any], dict[str, str]], None]


def mini() -> tuple[dict[str, Any], dict[str, str]]:
    """A whole workflow, with names of its own, and its prompts."""
    trial = json.loads(json.dumps(TRIAL))
    episode = {"repeat": "episode", "times": 2, "do": [{"repeat": "trial", "times": 3, "do": trial}]}
    workflow = {
        "dsl": 2,
        "name": "mini",
        "plugins": ["own.py"],
        "models": {"main": {"use": "simulated"}},
        "tools": [{"use": "python", "module": str(WORKFLOWS / "tools" / "everyday.py")}],
        "memory": {
            "talk": {"use": "transcript", "lives": "episode"},
            "diary": {"use": "list", "of": "trial", "lives": "tool"},
        },
        "nodes": {
            "imagine": {
                "use": "imagine",
                "model": "main",
                "prompt": "wish.md",
                "transcript": "talk",
                "memories": ["diary"],
            },
            "call": {"use": "call", "model": "main", "prompt": "call.md", "transcript": "talk"},
            "observe": {"use": "observe"},
            "reflect": {"use": "reflect", "model": "main", "prompt": "verdict.md", "transcript": "talk"},
        },
        "graph": [{"map": "tool", "over": "tools", "do": [episode]}],
    }
    return workflow, {"wish.md": WISH.replace("DIARY", ENTRIES), "call.md": CALL, "verdict.md": VERDICT}


def trial_of(workflow: Mapping[str, Any]) -> list[Any]:
    """The blocks of a trial."""
    blocks: list[Any] = workflow["graph"][0]["do"][0]["do"][0]["do"]
    return blocks


def findings(folder: Path, edit: Edit, variant: str | None = None) -> list[tuple[str, str]]:
    """The faults of the workflow after an edit: those of the check, else those of the proof, as code and message."""
    workflow, prompts = mini()
    edit(workflow, prompts)
    (folder / "own.py").write_text(PLUGIN)
    for name, text in prompts.items():
        (folder / name).write_text(text)
    file = folder / "mini.yaml"
    file.write_text(yaml.safe_dump(workflow, sort_keys=False))
    try:
        base, *variants = Experiment.load_arms(file)
    except DiagnosticsError as error:
        return [(found.code, found.message) for found in error.diagnostics if found.severity != "note"]
    proof = prove(base.workflow, [each.workflow for each in variants])
    return [(found.code, found.message) for found in proof.diagnostics if found.severity != "note"]


def shows(diary: str) -> Edit:
    """The prompt of `imagine` has this instead of the entries."""

    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        prompts["wish.md"] = WISH.replace("DIARY", diary)

    return edit


def lives(memory: str, loop: str) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["memory"][memory]["lives"] = loop

    return edit


def adds(node: str, definition: dict[str, Any], text: str = "", *, memory: str | None = None) -> Edit:
    """A node at the start of each trial, and a text in the prompt of `imagine`; `diary` may have other settings."""

    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["nodes"][node] = definition
        trial_of(workflow).insert(0, node)
        prompts["wish.md"] = WISH.replace("DIARY", ENTRIES + text)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        for each in edits:
            each(workflow, prompts)

    return edit


def records(field: str, value: str) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        trial_of(workflow)[-1]["as"][field] = value

    return edit


def unused(memory: str) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        for node in workflow["nodes"].values():
            node.pop("memories" if memory == "diary" else "transcript", None)
        prompts["wish.md"] = WISH.replace("DIARY", "" if memory == "diary" else ENTRIES)

    return edit


def own_memory(fault: str) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["memory"]["diary"] = {"use": "own.Shelf", "of": "trial", "lives": "tool", "fault": fault}

    return edit


def retries(*, lives: str | None) -> Edit:
    """A request that is refused is asked for again, and the prompt says why."""

    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["nodes"]["check"] = {"use": "check_request", **({"lives": lives} if lives else {})}
        again = {"repeat": "try", "until": "check.valid", "at_most": 2, "do": ["imagine", "check"]}
        trial_of(workflow)[0] = again
        prompts["wish.md"] = WISH.replace(
            "DIARY", ENTRIES + "{% if check.reason is not none %}{{ check.reason }}{% endif %}"
        )

    return edit


def values(text: str) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["memory"]["found"] = {"use": "values"}
        adds("known", {"use": "values", "memory": "found"}, text)(workflow, prompts)
        records("origins", "known.origins")(workflow, prompts)

    return edit


def moved_before_the_loops(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
    adds("last", {"use": "own.Remember", "memory": "diary", "lives": "tool"}, LAST)(workflow, prompts)
    trial_of(workflow).remove("last")
    workflow["graph"][0]["do"].insert(0, "last")


def recorded_after_the_loops(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
    record = trial_of(workflow).pop()
    record["as"]["steps"] = {"each": ["call", "observe"]}
    workflow["graph"][0]["do"].append(record)


def one_trial_an_episode(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
    workflow["graph"][0]["do"][0]["do"][0]["times"] = 1
    workflow["memory"]["diary"]["lives"] = "episode"


def a_talk_of_its_own(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
    workflow["memory"]["aside"] = {"use": "transcript", "lives": "trial"}
    workflow["nodes"]["reflect"]["transcript"] = "aside"


def another_prompt(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
    workflow["nodes"]["imagine"]["prompt"] = "plain.md"
    prompts["plain.md"] = WISH.replace("DIARY", "")


LAST = "{% if last.last is not none %}Last: {{ last.last }}{% endif %}"
LESSONS: dict[str, Any] = {"use": "lessons", "memory": "diary"}
REMEMBER: dict[str, Any] = {"use": "own.Remember", "memory": "diary"}

PLANTED: dict[str, tuple[Edit, str]] = {
    # A memory that no node uses, or only a node of which nobody hears anything.
    "no node uses diary": (unused("diary"), "diary"),
    "no node uses talk": (unused("talk"), "talk"),
    "lessons are drawn and only recorded": (
        both(adds("lessons", LESSONS), records("lessons", "lessons.ids")),
        "lessons",
    ),
    "lessons are drawn and nobody reads them": (adds("lessons", LESSONS), "lessons"),
    "coverage is measured and nobody reads it": (adds("seen", {"use": "coverage", "memory": "diary"}), "seen"),
    "an own node draws what nobody reads": (adds("last", REMEMBER), "last"),
    "an own node does not read its memory": (adds("last", {**REMEMBER, "use": "own.Forget"}, LAST), "diary"),
    "values that exist are drawn and only recorded": (values(""), "known"),
    # A prompt that drops it.
    "the prompt does not name it": (another_prompt, "diary"),
    "the prompt only asks if it is empty": (shows("{% if diary.empty %}Begin.{% endif %}"), "diary"),
    "the prompt has a title and no entries": (shows("{% if not diary.empty %}Asked before:{% endif %}"), "diary"),
    "the test is the wrong way round": (shows("{% if diary.empty %}" + ENTRIES + "{% endif %}"), "diary"),
    "the loop prints the same each time": (shows("{% for past in diary.entries %}- one\n{% endfor %}"), "diary"),
    "the loop prints ids": (shows("{% for past in diary.entries %}{{ past.id }}\n{% endfor %}"), "diary"),
    "the loop prints times": (shows("{% for past in diary.entries %}{{ past.started }}\n{% endfor %}"), "diary"),
    "the loop goes over none of them": (
        shows("{% for past in diary.entries[:0] %}{{ past.query }}{% endfor %}"),
        "diary",
    ),
    "the loop leaves all of them out": (
        shows("{% for past in diary.entries if past.query == '' %}{{ past.query }}{% endfor %}"),
        "diary",
    ),
    "the entries are in a comment": (shows("{# " + ENTRIES + " #}"), "diary"),
    "only their number is printed": (shows("{{ diary.entries | length }} before."), "diary"),
    "a condition is never true": (shows("{% if trial > 99 %}" + ENTRIES + "{% endif %}"), "diary"),
    "a field that records do not have": (
        shows("{% for past in diary.entries %}{{ past.question | default('') }}{% endfor %}"),
        "diary",
    ),
    "the entries are set and not printed": (shows("{% set before = diary.entries %}"), "diary"),
    "lessons are tested and not printed": (
        both(
            adds("lessons", LESSONS, "{% if lessons.lines %}Take care.{% endif %}"), records("lessons", "lessons.ids")
        ),
        "lessons",
    ),
    "values are tested and not printed": (values("{% if known.known %}Some exist.{% endif %}"), "known"),
    # A lifetime that is too short, or an order in which nothing can arrive.
    "diary lives as long as a trial": (lives("diary", "trial"), "diary"),
    "diary lives as long as a turn": (lives("diary", "turn"), "diary"),
    "talk lives as long as a turn": (lives("talk", "turn"), "talk"),
    "a reason is forgotten with each try": (retries(lives=None), "check"),
    "an episode has one trial": (one_trial_an_episode, "diary"),
    "lessons from a memory that is forgotten": (
        both(
            adds("lessons", LESSONS, "{% for line in lessons.lines %}{{ line }}{% endfor %}"), lives("diary", "trial")
        ),
        "diary",
    ),
    "a talk in which only one node speaks, once": (a_talk_of_its_own, "aside"),
    "a node reads before anything is recorded": (moved_before_the_loops, "diary"),
    "the record is made after all that reads it": (recorded_after_the_loops, "diary"),
    # A memory of one's own.
    "an own memory shows nothing": (own_memory("empty"), "diary"),
    "an own memory looks in another scope": (own_memory("other scope"), "diary"),
}
WHOLE: dict[str, Edit] = {
    "as it is": lambda workflow, prompts: None,
    "lessons are shown": adds("lessons", LESSONS, "{% for line in lessons.lines %}{{ line }}{% endfor %}"),
    "an own node is heard": adds("last", REMEMBER, LAST),
    "an own memory": own_memory(""),
    "a reason lives as long as the trial": retries(lives="trial"),
    "values are shown": values("{{ known.known }}"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_wiring_that_is_cut_is_found(name: str, tmp_path: Path) -> None:
    edit, named = PLANTED[name]
    found = findings(tmp_path, edit)
    assert [message for _, message in found if f"`{named}" in message], found


@pytest.mark.parametrize("name", WHOLE)
def test_a_wiring_that_is_whole_has_no_finding(name: str, tmp_path: Path) -> None:
    assert findings(tmp_path, WHOLE[name]) == []


def varies(changes: dict[str, Any]) -> Edit:
    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["variants"] = {"other": changes}

    return edit


SHOWN = "{% if lessons.lines %}{{ lessons.lines }}{% endif %}"
HOARD: dict[str, Any] = {"use": "own.Hoard", "lives": "tool", "inputs": {"query": "imagine.query"}}


def hoards(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
    """A node of one's own keeps the requests where no variant reaches, and the prompt shows them too."""
    workflow["nodes"]["hoard"] = HOARD
    trial_of(workflow).insert(1, "hoard")
    text = "{% if hoard.all is not none %}{% for one in hoard.all %}{{ one }}\n{% endfor %}{% endif %}"
    prompts["wish.md"] = WISH.replace("DIARY", ENTRIES + text)


LEAKS: dict[str, Edit] = {
    "an own node keeps what the memory that is off showed": both(hoards, varies({"memory.diary": "off"})),
    "lessons quote what is withheld": both(
        adds("lessons", LESSONS, SHOWN), varies({"nodes.observe.use": "observe.withheld"})
    ),
    "lessons quote the talk that is forgotten": both(
        adds("lessons", LESSONS, SHOWN), varies({"memory.talk.lives": "trial"})
    ),
    "an own memory shows all that it has": both(own_memory("all scopes"), lives("diary", "episode")),
}
CLEAN: dict[str, Edit] = {
    "the memory is off": varies({"memory.diary": "off"}),
    "the talk is forgotten": varies({"memory.talk.lives": "trial"}),
    "the memory is forgotten": varies({"memory.diary.lives": "trial"}),
    "results are withheld": varies({"nodes.observe.use": "observe.withheld"}),
    "nobody judges": varies({"nodes.reflect": "off"}),
    "lessons are off too": both(
        adds("lessons", LESSONS, SHOWN),
        varies({"nodes.observe.use": "observe.withheld", "nodes.lessons": "off"}),
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_a_variant_takes_away_and_still_arrives_is_found(name: str, tmp_path: Path) -> None:
    assert "E703" in [code for code, _ in findings(tmp_path, LEAKS[name])]


@pytest.mark.parametrize("name", CLEAN)
def test_a_variant_that_takes_away_what_it_says_has_no_finding(name: str, tmp_path: Path) -> None:
    assert findings(tmp_path, CLEAN[name]) == []


@pytest.mark.parametrize("name", ["paper", "explore", "call_first"])
def test_no_arm_of_a_shipped_exploration_has_a_finding(name: str) -> None:
    base, *variants = Experiment.load_arms(WORKFLOWS / f"{name}.yaml")
    proof = prove(base.workflow, [each.workflow for each in variants])
    assert [str(found) for found in proof.diagnostics] == []
    assert all(arm.evidence.prompts > 20 for arm, _ in proof.arms)


def test_the_comment_in_explore_is_true() -> None:
    """Lessons quote observations: without `nodes.lessons: off`, results that are withheld arrive by them."""
    base, bare = Experiment.load_arms(WORKFLOWS / "explore.yaml", [(), ("no-feedback",)])
    nodes = {**base.workflow.nodes, "observe": bare.workflow.nodes["observe"]}
    leaky = replace(base.workflow, variant="no-feedback", nodes=nodes)
    (found,) = prove(base.workflow, [leaky]).diagnostics
    assert found.code == "E703"
    assert "`lessons.lines`" in found.message


def test_a_proof_writes_nothing_where_it_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["memory"]["diary"] = {"use": "chroma", "of": "trial", "lives": "forever", "path": "kept"}

    assert findings(tmp_path, edit) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == [
        "call.md", "mini.yaml", "own.py", "verdict.md", "wish.md",
    ]  # fmt: skip


def test_a_loop_of_one_pass_is_no_fault_of_the_talk_in_it(tmp_path: Path) -> None:
    """As in `learn`, which has one wording made of each request: with another parameter there are several."""

    def edit(workflow: dict[str, Any], prompts: dict[str, str]) -> None:
        workflow["memory"]["aside"] = {"use": "transcript", "lives": "trial"}
        workflow["nodes"]["reflect"]["transcript"] = "aside"
        place = trial_of(workflow).index("reflect")
        trial_of(workflow)[place] = {"repeat": "look", "times": 1, "do": ["reflect"]}

    assert findings(tmp_path, edit) == []


def test_parts_are_proven_on_what_the_parts_before_have_left(tmp_path: Path) -> None:
    (tmp_path / "both.yaml").write_text(
        """
dsl: 2
name: both
models: {main: {use: simulated}}
graph:
  - run: quickstart
    name: explore
  - run: distil
    with: {data.explored.run: explore.run, models.judge: models.main, models.writer: models.main}
""".lstrip()
    )
    (base,) = Experiment.load_arms(tmp_path / "both.yaml")
    proof = prove(base.workflow)
    assert [str(found) for found in proof.diagnostics if found.severity != "note"] == []
    assert [(arm.name, arm.was_run, arm.evidence.prompts > 10) for arm, _ in proof.arms] == [
        ("base, explore", True, True),
        ("base, distil", True, True),
    ]
    assert {origin for origin, _ in proof.arms[1][0].evidence.arrivals} <= {"paraphrase"}


def test_what_is_only_measured_is_a_warning(tmp_path: Path) -> None:
    edit = both(adds("seen", {"use": "coverage", "memory": "diary"}), records("new", "seen.saturated"))
    assert [code for code, _ in findings(tmp_path, edit)] == ["W705"]


def test_thirty_wirings_are_planted() -> None:
    assert len(PLANTED) >= 30
