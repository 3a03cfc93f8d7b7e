"""The units of a run, and the tools that each may call."""

import json
from pathlib import Path

import pytest

import ste_graph as ste

ROOT = Path(__file__).parents[2]

TOOLS = '''
from pathlib import Path

import ste_graph as ste


@ste.tool(effect="read")
def look(number: int) -> str:
    """Look at a thing."""
    return f"seen {number}"


@ste.tool(effect="write")
def send(number: int) -> str:
    """Send a thing."""
    with (Path(__file__).parent / "sent").open("a") as sent:
        sent.write(f"{number}\\n")
    return f"sent {number}"


@ste.tool()
def burn(number: int) -> str:
    """Burn a thing."""
    raise AssertionError
'''


@pytest.fixture
def changes(tmp_path: Path) -> dict:
    (tmp_path / "tools.py").write_text(TOOLS)
    return {
        "params": {"episodes": 1, "trials": 2, "turns": 3},
        "tools": [{"use": "python", "module": str(tmp_path / "tools.py")}],
        "models.explorer": {"use": "simulated", "mistakes": 0},
        "memory.long_term": "off",
    }


PAPER = ROOT / "workflows" / "paper.yaml"


def test_only_tools_that_read_are_explored_and_the_others_come_with_the_line_that_allows_them(
    changes: dict, tmp_path: Path
) -> None:
    summary = ste.load(PAPER, set=changes).run(out=tmp_path / "run")
    assert (summary.units, summary.complete) == (1, True)
    assert summary.skipped == {
        "send": {"effect": "write", "remedy": "allow: [send]"},
        "burn": {"effect": "destructive", "remedy": "allow: [burn]"},
    }
    assert not (tmp_path / "sent").exists()
    assert ste.load(PAPER, set=changes).run(out=tmp_path / "run").skipped == summary.skipped


@pytest.mark.parametrize("allow", ["write", "send"])
def test_a_tool_may_be_allowed_by_its_effect_or_its_name(changes: dict, tmp_path: Path, allow: str) -> None:
    summary = ste.load(PAPER, set=changes | {"allow": [allow]}).run(out=tmp_path / "run")
    assert (summary.units, summary.complete, summary.failed) == (2, True, {})
    assert len((tmp_path / "sent").read_text().splitlines()) == 2


def test_a_name_in_allow_that_no_tool_has_is_refused_before_anything_is_spent(changes: dict, tmp_path: Path) -> None:
    with pytest.raises(
        ste.WorkflowError, match="`allow` names `sent`, which is neither an effect nor a tool; did you mean `send`"
    ):
        ste.load(PAPER, set=changes | {"allow": ["sent"]}).run(out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_where_no_tool_may_be_called_the_block_to_paste_is_shown(changes: dict, tmp_path: Path) -> None:
    tools = [{"use": "python", "module": str(tmp_path / "tools.py"), "include": ["burn", "send"]}]
    with pytest.raises(ste.WorkflowError) as caught:
        ste.load(PAPER, set=changes | {"tools": tools}).run(out=tmp_path / "run")
    assert str(caught.value) == (
        f"{PAPER}: none of the 2 tools may be called: a tool that does not say what it does counts as destructive.\n"
        "help: say which ones only read, in the entry of `tools:` that they come from, and the rest stays out:\n\n"
        "effects:  # write `read` for a tool that only reads: a run calls no other, unless `allow` names it\n"
        "  send: write        # Send a thing.\n"
        "  burn: destructive  # Burn a thing.\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_cap_of_calls_holds_over_all_times_that_a_run_is_taken_up(changes: dict, tmp_path: Path) -> None:
    wanted = changes | {"limits.calls": 1, "params.trials": 3}
    ste.load(PAPER, set=wanted | {"budget.model_calls": 5}).run(out=tmp_path / "run")
    summary = ste.load(PAPER, set=wanted).run(out=tmp_path / "run")
    assert summary.complete
    assert (summary.used.tool_calls, summary.calls["ok"]) == (1, 1)
    assert summary.calls["refused"] > 0


def test_no_calls_at_all_may_be_allowed(changes: dict, tmp_path: Path) -> None:
    summary = ste.load(PAPER, set=changes | {"limits.calls": 0}).run(out=tmp_path / "run")
    assert (summary.complete, summary.used.tool_calls) == (True, 0)


def test_a_dry_run_calls_nothing(changes: dict, tmp_path: Path) -> None:
    summary = ste.load(PAPER, set=changes | {"allow": ["write"]}).run(out=tmp_path / "run", dry_run=True)
    assert (summary.complete, summary.used.tool_calls) == (True, 0)
    assert not (tmp_path / "sent").exists()


def test_a_budget_of_tool_calls_stops_the_run_before_the_call(changes: dict, tmp_path: Path) -> None:
    wanted = changes | {"allow": ["write"]}
    summary = ste.load(PAPER, set=wanted | {"budget.tool_calls": 1}).run(out=tmp_path / "run")
    assert (summary.stopped_by, summary.used.tool_calls) == ("budget", 1)
    summary = ste.load(PAPER, set=wanted | {"budget.tool_calls": 100}).run(out=tmp_path / "run")
    assert (summary.stopped_by, summary.used.tool_calls, summary.complete) == (None, 4, True)
    assert len((tmp_path / "sent").read_text().splitlines()) == 2


def test_units_of_the_same_name_are_numbered(tiny: Path, tmp_path: Path) -> None:
    items = ["a", "a", {"name": "a"}, {"id": 7}, None, 3.5, {"x": 1}]
    summary = ste.load(tiny, set={"params.items": items, "params.turns": 1}).run(out=tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    assert sorted(line["item"] for line in lines) == sorted(["a", "a~2", "a~3", "7", "item", "3.5", "item~2"])
    assert summary.complete
    assert len(list((tmp_path / "run" / "units").iterdir())) == len(items)


def test_an_inner_map_runs_in_order_and_records_name_its_items_by_id_or_pass(tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(
        tiny.read_text(encoding="utf-8")
        .replace(
            "- repeat: turn\n        times: params.turns", "- map: word\n        over: params.words\n        at_most: 2"
        )
        .replace("turns: 3", "words: [{id: x, w: a}, {w: y}, {w: z}]"),
        encoding="utf-8",
    )
    (tmp_path / "think.md").write_text("Think of {{ item }} and {{ word.w }}.")
    summary = ste.load(tiny, set={"params.items": ["one"]}).run(out=tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    assert [line["word"] for line in lines] == ["x", 1]
    assert dict(summary.loops) == {("word", "at_most"): 1}


def _without(tmp_path: Path, names: str) -> ste.Experiment:
    (tmp_path / "things.py").write_text(TOOLS, "utf-8")
    (tmp_path / "some.yaml").write_text(
        "dsl: 2\nname: some\nparams: {named: []}\nmodels: {m: {use: simulated}}\n"
        "tools: [{use: python, module: things.py}]\n"
        "nodes: {ask: {use: chat, model: m, prompt: ask.md, outputs: {text: str}}}\n"
        f"graph:\n  - map: tool\n    over: tools\n    without: {names}\n    do: [ask]\n",
        "utf-8",
    )
    (tmp_path / "ask.md").write_text("Say something about {{ tool.name }}.", "utf-8")
    return ste.load(tmp_path / "some.yaml")


def test_items_to_leave_out_are_named_and_may_state_a_fingerprint(tmp_path: Path) -> None:
    assert _without(tmp_path, "'[]'").plan().units == ("look",)
    planned = _without(tmp_path, "'[\"look\"]'").plan()
    assert planned.units == ()
    assert planned.note is not None
    assert 'nothing to do: `without: ["look"]` leaves out' in planned.note
    assert _without(tmp_path, "params.named").plan().units == ("look",)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("[{map: tool, over: tools, do: [{map: n, over: '[1]', at_most: 1, without: '[1]', do: [ask]}]}]", "E233"),
        ("[{map: n, over: '[1]', at_most: 1, without: '[1]', do: [ask]}, ask]", "E233"),
        ("[{map: tool, over: tools, without: ask.text, do: [ask]}]", "E204"),
        ("[{map: tool, over: tools, without: params.number, do: [ask]}]", "E2"),
    ],
)
def test_only_units_that_are_known_before_the_run_can_be_left_out(tmp_path: Path, graph: str, message: str) -> None:
    _without(tmp_path, "'[]'")
    file = tmp_path / "some.yaml"
    text = file.read_text("utf-8").partition("graph:")[0].replace("named: []", "number: 1")
    file.write_text(f"{text}graph: {graph}\n", "utf-8")
    with pytest.raises(ste.WorkflowError, match=message):
        ste.load(file)
