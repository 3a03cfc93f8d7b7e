"""The entries that the pages on models and tools show are entries that their classes take."""

import re
from pathlib import Path

import pytest
import yaml

import ste_graph as ste

DOCS = Path(__file__).parents[1] / "docs"
VARIABLES = ("MODEL_KEY", "MCP_AUTH", "LIBRARY_KEY", "OPENAI_API_KEY")


@pytest.mark.parametrize("page", ["models", "tools"])
def test_the_entries_of_a_page_are_taken_as_they_stand(page, monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, "something")
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL)
    assert blocks
    monkeypatch.chdir(DOCS.parent / "workflows")  # where relative paths in `set` begin
    for block in blocks:
        ((section, entries),) = yaml.safe_load(block).items()
        changes = {section: entries} if page == "tools" else {f"{section}.{k}": value for k, value in entries.items()}
        taken = getattr(ste.load("quickstart.yaml", set=changes).workflow, section)
        assert len(entries) == len(taken) if page == "tools" else set(entries) <= set(taken)


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.stem)
def test_what_a_shell_would_take_for_its_own_is_quoted(page):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    commands = [block for language, block in blocks if language in ("", "sh", "console")]
    changes = [word for block in commands for word in re.findall(r"--set (\S+)", block) if word[0] not in "'\""]
    assert [word for word in changes if re.search(r"[\[\]{}*?~<>|&;()]", word)] == []
