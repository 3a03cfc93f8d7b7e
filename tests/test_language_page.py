"""`docs/language.md` and the other pages against the schema: no key is missing there, and none is out of date."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ste_graph.cli.schema import schema_text
from ste_graph.language.sections.schema import BLOCKS, GROUPS

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if page.name != "settings.md")
LANGUAGE = (DOCS / "language.md").read_text("utf-8")
SCHEMA: dict[str, Any] = json.loads(schema_text())
DEFINITIONS: dict[str, Any] = SCHEMA["$defs"]


def keys(name: str) -> set[str]:
    """The keys of a definition of the schema."""
    return {key for key, value in DEFINITIONS[name]["properties"].items() if value is not False}


def kinds(section: str) -> dict[str, set[str]]:
    """Per `use` of a section: the keys of such an entry."""
    found = {}
    for name, form in DEFINITIONS.items():
        first, _, use = name.partition(".")
        if first == section and "use" in form.get("properties", {}):
            found[use] = keys(name)
    return found


USES: dict[str, set[str]] = {}
for _section in GROUPS:
    for _use, _keys in kinds(_section).items():
        USES[_use] = USES.get(_use, set()) | _keys
BLOCK_KEYS = {key: keys(shape.__name__) for key, shape in BLOCKS.items()}


def code_words(text: str) -> set[str]:
    """The words that stand in code, in a line or in a block."""
    code = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    return {word for part in code for word in re.findall(r"[\w.]+", part)} | {
        word.split(".")[-1] for part in code for word in re.findall(r"[\w.]+", part)
    }


def section_of(title: str) -> str:
    """The text of a section of the page, with those below it."""
    return re.split(r"^## ", LANGUAGE.partition(f"\n## {title}\n")[2], flags=re.MULTILINE)[0]


def test_the_table_of_sections_has_every_key_of_a_file_once() -> None:
    rows = re.findall(r"^\| (`.*?`(?:, `.*?`)*) \|", section_of("Sections"), re.MULTILINE)
    listed = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(SCHEMA["properties"])


def test_every_key_of_a_block_stands_in_the_part_about_blocks_and_sub_workflows() -> None:
    words = code_words(section_of("Blocks") + section_of("Sub-workflows") + section_of("Expressions"))
    missing = {block: sorted(known - words) for block, known in BLOCK_KEYS.items()}
    assert {block: found for block, found in missing.items() if found} == {}


@pytest.mark.parametrize("section", ["data", "models", "tools", "memory"])
def test_every_kind_of_entry_is_named_on_the_page(section: str) -> None:
    assert sorted(kinds(section).keys() - code_words(LANGUAGE)) == []


def test_every_setting_of_limits_budget_cassette_and_reset_is_named_on_the_page() -> None:
    words = code_words(LANGUAGE)
    for name in ("ToolLimits", "Budget", "CassetteShape", "ResetShape"):
        assert sorted(keys(name) - words) == [], name


def test_the_table_of_data_is_the_one_that_the_classes_make() -> None:
    rows = []
    for name, form in DEFINITIONS.items():
        if name.startswith("data.") and "use" in form.get("properties", {}):
            settings = ", ".join(f"`{key}`" for key in form["properties"] if key != "use")
            items = " ".join(form.get("description", "").partition("\n")[0].split()).replace("|", r"\|")
            rows.append(f"| `{name.removeprefix('data.')}` | {items} | {settings} |")
    table = "\n".join(["| `use` | items | settings |", "|---|---|---|", *rows])
    assert table in LANGUAGE, f"put this table under `## Data`:\n{table}"


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a value; the sources in `by`, which name tools too, without their `names`."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            plain = (
                [{k: v for k, v in each.items() if k != "names"} for each in inner]
                if key == "by" and isinstance(inner, list)
                else inner
            )
            yield from mappings(plain)
    elif isinstance(value, list):
        for inner in value:
            yield from mappings(inner)


def shown_values(text: str) -> Iterator[tuple[str, Any]]:
    """The YAML that a page shows: its blocks, and flow mappings in a line, in which `…` stands for more."""
    for block in re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield block, yaml.safe_load(re.sub(r"\[\.\.\.\]|\[…\]|\{…\}", "[]", block))
    for line in re.findall(r"`(?:\w+: )?(\{use: [^`]*\})`", text):
        plain = re.sub(r",? *…", "", line)
        for use in re.findall(r"^\{use: ([\w. /]+)", plain):
            for kind in use.split(" / "):
                single = plain.replace(f"{{use: {use}", f"{{use: {kind}", 1)
                yield line, yaml.safe_load(re.sub(r" / [^,}\]]+", "", single))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_no_page_shows_a_key_that_the_language_does_not_have(page: Path) -> None:
    unknown = []
    for shown, value in shown_values(page.read_text("utf-8")):
        for found in mappings(value):
            use = found.get("use")
            if isinstance(use, str) and use in USES:
                unknown += [f"{use}: {key} in {shown[:60]!r}" for key in found.keys() - USES[use]]
            elif isinstance(use, str) and "." not in use and not use.isupper():
                unknown.append(f"use: {use} in {shown[:60]!r}")
            block = next(
                (key for key in BLOCK_KEYS if key in found and ("do" in found or key in ("record", "run"))), None
            )
            if block is not None and "use" not in found:
                unknown += [f"{block}: {key} in {shown[:60]!r}" for key in found.keys() - BLOCK_KEYS[block]]
    assert unknown == []
