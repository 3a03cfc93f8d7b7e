"""Going on from a pack: what is new, changed or weak is explored, the rest is kept, and all is decided again."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import ste_graph
from ste_graph.cli import main
from ste_graph.inputs.forms import RunDescriptions, RunGuidelines
from ste_graph.language.loading import parse_change
from ste_graph.memory.exemplars.packs.packing import collect_data
from ste_graph.packs.content import pack_files
from ste_graph.packs.manifest import FORMAT, Manifest, write_pack
from ste_graph.packs.pack import CASES, PackCase, ToolDefinition, ToolDescription, open_pack
from ste_graph.packs.since import find_weak, kept_examples, review_tools
from ste_graph.packs.sources import find_source
from ste_graph.packs.values import PackData
from ste_graph.run.tools import open_tools
from ste_graph.scoring.case import GoldCall
from ste_graph.scoring.subject import Form
from ste_graph.training.rows.examples import check_leaks, read_examples
from tests.packs.conftest import EVIDENCE, TOOLS, FakeTool, notes, plain_data, weather

MORE = '''

@ste.tool(effect="read")
def repeat(text: str, times: int) -> str:
    """A text several times over.

    Args:
        text: The text.
        times: How often.
    """
    return text * times
'''


def _standings(pack, tools, least=1) -> dict[str, str]:
    return {each.tool: each.standing for each in review_tools(pack, tools, least)}


def test_tools_are_new_changed_weak_kept_or_gone(pack) -> None:
    tools = [weather(), notes(description="Other words."), FakeTool("clock", {})]
    assert _standings(pack, tools) == {"weather": "kept", "notes": "changed", "clock": "new"}
    assert _standings(pack, [weather()]) == {"weather": "kept", "notes": "gone"}
    assert _standings(pack, [weather(), notes()], least=2) == {"weather": "weak", "notes": "weak"}
    [changed] = [each for each in review_tools(pack, tools, 1) if each.standing == "changed"]
    assert changed.reason == "description has other words"


def test_the_evidence_of_a_tool_is_poor_for_want_of_cases_of_exemplars_or_of_an_adoption(make_pack) -> None:
    assert find_weak(make_pack(), 1) == {}
    assert find_weak(make_pack(), 2)["notes"] == "1 held-out request about it, of at least 2"
    assert find_weak(make_pack("harmed", tools=("weather",)), 1) == {"notes": "the pack was not adopted for it"}
    data = plain_data()
    data.exemplars = [line for line in data.exemplars if line["tool"] == "weather"]
    assert find_weak(make_pack("bare", data=data), 1) == {"notes": "the pack has nothing to show of it"}


def test_what_is_kept_has_the_sides_that_it_had(pack) -> None:
    kept = kept_examples(pack, ["weather"])
    assert list(kept) == ["weather"]
    assert [each["split"] for each in kept["weather"]] == ["train", "train", "heldout"]
    assert len({each["cluster"] for each in kept["weather"]}) == 3
    assert {each["fingerprint"] for each in kept["weather"]} == {pack.definitions["weather"].fingerprint}


def test_an_exemplar_that_calls_a_tool_which_is_not_kept_is_left_out(make_pack) -> None:
    data = plain_data()
    other = {**data.exemplars[0]["calls"][0], "action": "notes"}
    data.exemplars[0]["calls"] = [other, *data.exemplars[0]["calls"]]
    pack = make_pack("chained", data=data)
    assert [each["split"] for each in kept_examples(pack, ["weather"])["weather"]] == ["train", "heldout"]
    assert len(kept_examples(pack, ["weather", "notes"])["weather"]) == 3


@pytest.fixture(scope="module")
def made(gain: Path) -> Path:
    assert main(["pack", "make", str(gain), "--out", str(gain.parent / "earlier")]) == 0
    return gain.parent / "earlier"


def _changes(module: Path) -> list[str]:
    return [
        f"tools=[{{use: python, module: {module}}}]", "params.episodes=10", "params.heldout=0.2",
        "models.learner.mistakes=0.8",
    ]  # fmt: skip


def _options(module: Path) -> list[str]:
    return ["gain", "--variant", "simulated", *(word for change in _changes(module) for word in ("--set", change))]


@pytest.fixture(scope="module")
def further(made: Path, gain: Path) -> Path:
    """A run of gain that goes on from the pack, with one tool more."""
    module = gain.parent / "more.py"
    module.write_text(TOOLS + MORE, "utf-8")
    changes = [parse_change(change) for change in [*_changes(module), f"params.since={json.dumps(str(made))}"]]
    summary = ste_graph.load("gain", variant="simulated", set=changes).run(out=gain.parent / "further")
    assert summary.complete, summary.failed
    return gain.parent / "further"


def test_only_the_new_tool_is_explored_and_all_are_tested(further, made) -> None:
    runs = {name: ste_graph.open_run(further / "runs" / name) for name in ("explore", "distil", "guideline", "icl")}
    assert {trial.tool for trial in runs["explore"].trials()} == {"repeat"}
    assert set(runs["explore"].lock["kept"]) == {"area", "upper"}
    assert {line["gold"]["tool"] for line in runs["icl"].records() if line["record"] == "reply"} == {
        "area", "upper", "repeat",
    }  # fmt: skip
    asked = {line["query"] for line in runs["icl"].records() if line["record"] == "reply"}
    assert {case.query for case in open_pack(made).cases} <= asked


def test_what_the_pack_had_is_learnt_from_and_held_out_as_before(further, made) -> None:
    pack, examples = open_pack(made), read_examples(further / "runs" / "distil")
    check_leaks(examples)
    kept = [each for each in examples if each.definition.name in ("area", "upper")]
    exemplars = [json.loads(line) for line in pack.exemplars_file.read_text("utf-8").splitlines()]
    assert {each.query for each in kept if each.split == "train"} == {line["query"] for line in exemplars}
    assert {each.query for each in kept if each.split == "heldout"} == {case.query for case in pack.cases}


def test_the_new_pack_holds_what_was_kept_and_what_is_new(further, made, tmp_path) -> None:
    assert main(["pack", "make", str(further), "--out", str(tmp_path / "later"), "--not-adopted"]) == 0
    earlier, later = open_pack(made), open_pack(tmp_path / "later")
    assert set(later.definitions) == {"area", "upper", "repeat"}
    assert {case.query for case in earlier.cases} < {case.query for case in later.cases}


def test_the_plan_names_what_is_explored_and_counts_no_more(made, gain, tmp_path, capsys) -> None:
    (tmp_path / "more.py").write_text(TOOLS + MORE, "utf-8")
    assert main(["plan", *_options(tmp_path / "more.py"), "--since", str(made)]) == 0
    text = capsys.readouterr().out
    assert f"since {made}: 1 tool to explore, of 3" in text
    assert "new     repeat  the pack does not know it" in text
    assert "distil, 1 unit  " in text
    assert "icl, 3 units" in text
    assert main(["plan", *_options(tmp_path / "more.py"), "--since", str(made), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["since"]["explore"] == ["repeat"]
    own = sum(case.kind == "call" for case in open_pack(made).cases)
    assert found["likely"]["kept_cases"] == own
    assert found["likely"]["cases"][0] > own


def test_with_nothing_to_do_it_says_so_and_ends(made, gain, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *_options(gain.parent / "my_tools.py"), "--since", str(made)]) == 0
    assert "Nothing to do: no tool is new, changed or weak" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
    assert main(["plan", *_options(gain.parent / "my_tools.py"), "--since", str(made)]) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda pack: shutil.rmtree(pack), "is not a pack"),
        (lambda pack: (pack / CASES).unlink(), "torn"),
        (lambda pack: (pack / CASES).write_text("", "utf-8"), "was edited"),
        (lambda pack: (pack / "pack.json").write_text('{"format": 99}', "utf-8"), "newer version"),
    ],
)
def test_a_pack_that_is_not_whole_is_refused_in_a_sentence(made, gain, tmp_path, capsys, spoil, message) -> None:
    pack = shutil.copytree(made, tmp_path / "pack")
    spoil(pack)
    assert main(["run", *_options(gain.parent / "my_tools.py"), "--since", str(pack)]) == 2
    assert message in capsys.readouterr().err


def test_a_pack_that_was_not_adopted_or_is_about_other_tools_is_refused(make_pack, gain, capsys) -> None:
    options = ["run", *_options(gain.parent / "my_tools.py"), "--since"]
    assert main([*options, str(make_pack("rejected", adopted=False).path)]) == 2
    assert "nothing in this pack was adopted" in capsys.readouterr().err
    assert main([*options, str(make_pack("others").path)]) == 2
    assert "this pack is about other tools: `weather`, `notes`; there are: `area`, `upper`" in capsys.readouterr().err


def test_a_workflow_that_cannot_go_on_from_a_pack_says_so(made, capsys) -> None:
    assert main(["run", "quickstart", "--since", str(made)]) == 2
    assert "this workflow cannot go on from a pack: it has no `params.since`" in capsys.readouterr().err


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> Path:
    """A run that goes on from a pack of texts: a guideline, lessons and a rewritten description, without exemplars."""
    folder = tmp_path_factory.mktemp("taught")
    (folder / "more.py").write_text(TOOLS + MORE, "utf-8")
    definitions = asyncio.run(_define(folder / "more.py"))
    cases = [
        PackCase(query=query, gold=GoldCall(tool=tool, arguments=arguments), reference=reference).model_dump(
            mode="json"
        )
        for tool, query, arguments, reference in [
            ("area", "What is the area of 3 by 4 metres?", {"width": 3, "height": 4}, "12"),
            ("area", "What is the area of 5 by 6 metres?", {"width": 5, "height": 6}, "30"),
            ("area", "What is the area of 7 by 8 metres?", {"width": 7, "height": 8}, "56"),
            ("upper", "Write 'milk' in capitals.", {"text": "milk"}, "MILK"),
            ("upper", "Write 'bread' in capitals.", {"text": "bread"}, "BREAD"),
            ("upper", "Write 'tea' in capitals.", {"text": "tea"}, "TEA"),
        ]
    ]
    lesson = {**plain_data().lessons[0], "tool": "area", "argument": "width", "wrong": '"three"', "right": "3"}
    data = PackData(
        [], [lesson], cases, {"area": "It takes metres.", "upper": "It makes capitals."},
        {"upper": ToolDescription(description="A text in CAPITAL letters.")},
        {name: own for name, own in definitions.items() if name != "repeat"},
    )  # fmt: skip
    forms = ("guideline", "descriptions", "lessons")
    manifest = Manifest(
        format=FORMAT, name="taught", made="2026-11-28T10:00:00Z", version="0.1.0", adopted=True, simulated=True,
        arm="guideline", model="simulated", forms=forms, tools=("area", "upper"), files={},
    )  # fmt: skip
    write_pack(folder / "pack", manifest, pack_files(manifest, data, EVIDENCE, {}))
    changes = [f"tools=[{{use: python, module: {folder / 'more.py'}}}]", "params.episodes=6"]
    changes.append(f"params.since={json.dumps(str(folder / 'pack'))}")
    summary = ste_graph.load("gain", variant="simulated", set=list(map(parse_change, changes))).run(folder / "run")
    assert summary.complete, summary.failed
    return folder


async def _define(module: Path) -> dict[str, ToolDefinition]:
    workflow = ste_graph.load("quickstart", set={"tools": [{"use": "python", "module": str(module)}]}).workflow
    async with open_tools(workflow) as tools:
        return {tool.name: ToolDefinition.of(tool) for tool in tools}


def test_texts_of_the_pack_are_shown_for_the_tools_that_it_was_kept_for(taught) -> None:
    runs, pack = taught / "run" / "runs", str(taught / "pack")
    written = {line["tool"] for form in ("guideline", "describe") for line in ste_graph.open_run(runs / form).records()}
    assert written == {"repeat"}
    tested = ste_graph.open_run(runs / "distil").id
    guidelines = {each["tool"]: each for each in RunGuidelines(run=str(runs / "guideline"), since=pack).items()}
    assert (guidelines["area"]["text"], guidelines["upper"]["text"]) == ("It takes metres.", "It makes capitals.")
    assert {each["origin"]["without"] for each in guidelines.values()} == {tested}
    rewritten = {each["tool"]: each for each in RunDescriptions(run=str(runs / "describe"), since=pack).items()}
    assert (rewritten["upper"]["description"], rewritten["upper"]["kept"]) == ("A text in CAPITAL letters.", True)
    replies = [line for line in ste_graph.open_run(runs / "icl").records() if line["record"] == "reply"]
    of_area = [line for line in replies if line["gold"]["tool"] == "area" and line["arm"] == "lessons"]
    assert of_area
    assert all("lesson" in line["lessons"] for line in of_area)


def test_where_neither_run_nor_pack_has_a_text_there_is_an_empty_one_so_that_an_arm_shows_nothing(
    taught, monkeypatch
) -> None:
    runs, pack = taught / "run" / "runs", str(taught / "pack")
    nothing = SimpleNamespace(guideline={}, descriptions={}, definitions={})
    monkeypatch.setattr("ste_graph.inputs.forms.open_adopted_pack", lambda path: nothing)
    monkeypatch.setattr(RunGuidelines, "read", lambda self, run: [])
    monkeypatch.setattr(RunDescriptions, "read", lambda self, run: [])
    [guideline] = RunGuidelines(run=str(runs / "guideline"), since=pack).items()
    [description] = RunDescriptions(run=str(runs / "describe"), since=pack).items()
    tested = ste_graph.open_run(runs / "distil").id
    assert (guideline["text"], guideline["origin"]["without"]) == ("", tested)
    assert (description["kept"], description["origin"]["without"]) == (False, tested)


def test_the_next_pack_has_the_texts_of_both(taught) -> None:
    source = find_source(taught / "run", unadopted=True)
    every: list[Form] = ["lessons", "guideline", "descriptions"]
    parts = {"lessons": "explore", "guideline": "guideline", "descriptions": "describe"}
    runs = {form: ste_graph.open_run(taught / "run" / "runs" / parts[form]) for form in every}
    data = collect_data(replace(source, runs=runs))
    assert data.guideline["area"] == "It takes metres."
    assert data.descriptions["upper"].description == "A text in CAPITAL letters."
    assert {lesson["tool"] for lesson in data.lessons} >= {"area"}
