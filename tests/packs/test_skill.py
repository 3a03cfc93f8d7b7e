"""SKILL.md is a skill as loaders want it, in any number of tools; README.md says what the pack is worth."""

from __future__ import annotations

import yaml

from ste_graph.packs.pack import ToolDefinition
from ste_graph.packs.skill import skill_name
from ste_graph.packs.values import PackData
from tests.packs.conftest import FakeTool


def front_matter(text: str) -> dict:
    head, _, _ = text.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head)


def test_the_front_matter_is_that_of_agent_skills(pack) -> None:
    text = (pack.path / "SKILL.md").read_text("utf-8")
    front = front_matter(text)
    assert front["name"] == "everyday" == pack.path.name
    assert 0 < len(front["description"]) <= 1024
    assert all(isinstance(value, str) for value in front["metadata"].values())
    assert front["metadata"]["gain"].startswith(
        "+50.0 points of right calls (95 % +20.0..+70.0, these tools, 40 held-out"
    )


def test_a_simulated_pack_is_labelled_in_every_text(pack) -> None:
    for name in ("SKILL.md", "README.md"):
        assert "simulated: this shows that the plumbing works" in (pack.path / name).read_text("utf-8")
    assert pack.evidence["simulated"] is True


def test_a_pack_that_was_not_adopted_says_so_at_the_top(make_pack) -> None:
    pack = make_pack(adopted=False)
    for name in ("SKILL.md", "README.md"):
        assert "NOT ADOPTED, only to be looked at" in (pack.path / name).read_text("utf-8")


def test_tools_parameters_lessons_and_guidelines_are_shown(make_pack, data) -> None:
    data.guideline = {"weather": "Give the place as a city."}
    text = (make_pack(data=data).path / "SKILL.md").read_text("utf-8")
    assert "| `weather` | Tell the weather. |" in text
    assert "- `unit` (string, one of celsius, kelvin)" in text
    assert "Give the place as a city." in text
    assert '- calling weather, it failed with `unit`: "C", and worked with `unit`: "celsius"' in text


def test_fifty_tools_and_five_hundred_stay_below_five_hundred_lines(make_pack) -> None:
    for count in (50, 500):
        tools = [FakeTool(f"tool_{number}", {f"p{n}": {"type": "string"} for n in range(4)}) for number in range(count)]
        data = PackData(definitions={tool.name: ToolDefinition.of(tool) for tool in tools})
        text = (make_pack(f"many-{count}", data=data).path / "SKILL.md").read_text("utf-8")
        assert text.count("\n") < 500
        assert len(front_matter(text)["description"]) <= 1024
        assert "`tool_49`" in text


def test_a_name_becomes_one_that_skills_may_have() -> None:
    assert skill_name("My Tools_2026!") == "my-tools-2026"
    assert skill_name("--x--") == "x"
    assert skill_name("日本") == "tools"
    assert len(skill_name("a" * 100)) == 64


def test_readme_is_one_page(pack) -> None:
    assert (pack.path / "README.md").read_text("utf-8").count("\n") < 60
