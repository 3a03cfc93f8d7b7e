import hashlib
import json

import numpy as np
import pytest

from ste_graph.memory.vectors import embedders


class WordHashes:
    name = "word hashes"

    async def embed(self, texts):
        rows = np.full((len(texts), 32), 0.01, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[hashlib.md5(word.encode()).digest()[0] % 32] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def run(ste, folder, monkeypatch):
    """The folder of a run of three trials at most per tool, whose exemplars need no model to be found."""
    monkeypatch.setattr(embedders, "embedder_for", lambda *_: WordHashes())
    assert ste("run", "small.yaml", "--out", "runs/x", "--quiet").code == 0
    return "runs/x"


def test_search_prints_exemplars_for_a_prompt_as_text_as_data_and_as_turns_of_a_chat(ste, run):
    text = ste("memory", "search", "double 4", "--from", run, "-k", 1, "--tool", "double")
    assert text.code == 0
    assert [line.partition(":")[0] for line in text.out.splitlines()] == [
        "User Query", "Thought", "Action", "Action Input", "Observation", "Final Answer",
    ]  # fmt: skip
    data = json.loads(ste("memory", "search", "double 4", "--from", run, "-k", 2, "--format", "json").out)
    assert len(data) == 2
    assert {"query", "tool", "fingerprint", "calls", "verified", "run"} <= data[0]["exemplar"].keys()
    turns = json.loads(ste("memory", "search", "double 4", "--from", run, "-k", 1, "--format", "messages").out)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant"]


def test_a_tool_without_exemplars_is_named_with_those_that_have_some(ste, run):
    result = ste("memory", "search", "double 4", "--from", run, "--tool", "duoble")
    assert (result.code, result.out) == (2, "")
    assert result.err == "there are no exemplars of `duoble`; there are some of: double, shout\n"


def test_a_path_that_is_not_a_store_is_exit_code_2(ste, folder):
    result = ste("memory", "search", "x", "--from", "nowhere")
    assert result.code == 2
    assert result.err == (
        "nowhere: not a store of exemplars, a pack or a run; expected a folder with exemplars.jsonl, or that of a run\n"
    )


def test_export_and_import_move_a_store_and_forget_and_rebuild_keep_it(ste, run, folder):
    assert ste("memory", "export", "--from", run, "--out", "all.jsonl").code == 0
    count = len((folder / "all.jsonl").read_text().splitlines())
    assert ste("memory", "import", "all.jsonl", "--into", "store").out == f"{count} added or changed\n"
    assert ste("memory", "export", "--from", "store").out == (folder / "all.jsonl").read_text()
    assert ste("memory", "import", run, "--into", "store").out == "0 added or changed\n"
    gone = int(ste("memory", "forget", "--from", "store", "--tool", "shout").out.split()[0])
    assert 0 < gone < count
    assert ste("memory", "rebuild", "--from", "store").out == f"{count - gone} exemplars indexed\n"
    result = ste("memory", "rebuild", "--from", "store", "--check")
    assert (result.code, result.out) == (0, f"log and index agree on {count - gone} exemplars\n")
    assert ste("memory", "forget", "--from", "store").code == 2


def test_a_line_that_is_not_an_exemplar_is_named_and_the_rest_is_imported(ste, run, folder):
    ste("memory", "export", "--from", run, "--out", "all.jsonl")
    with (folder / "all.jsonl").open("a") as file:
        file.write("[]\n")
    result = ste("memory", "import", "all.jsonl", "--into", "store")
    assert result.code == 1
    assert "all.jsonl:" in result.err
    assert result.out.endswith(" added or changed\n")


def test_verify_reports_the_exemplars_of_a_changed_tool(ste, run, folder):
    assert ste("memory", "verify", "small.yaml", "--from", run).out.endswith(
        " unchanged, 0 tried again and still right, 0 broken, 0 of tools that do more than read, "
        "0 of tools that are gone\n"
    )
    tools = (folder / "tools.py").read_text()
    (folder / "tools.py").write_text(tools.replace("Double a number.", "Twice a number."))
    marked = json.loads(ste("memory", "verify", "small.yaml", "--from", run, "--mark-only", "--format", "json").out)
    assert len(marked["marked"]) > 0
    assert marked["explore"] == ["double"]
    again = ste("memory", "verify", "small.yaml", "--from", run, "--mark-only").out
    assert again == f"{marked['unchanged']} unchanged, 0 marked stale, none tried again\nexplore again: double\n"
    assert ste("memory", "search", "double 4", "--from", run, "--tool", "double").out.strip() == ""
    became = json.loads(ste("memory", "verify", "small.yaml", "--from", run, "--format", "json").out)
    assert became["revived"] == marked["marked"]
    assert ste("memory", "search", "double 4", "--from", run, "--tool", "double").out.count("User Query:") > 0


def test_search_prints_no_character_that_could_steer_the_terminal(ste, run, folder):
    ste("memory", "export", "--from", run, "--out", "all.jsonl")
    first = json.loads((folder / "all.jsonl").read_text().splitlines()[0])
    evil = {**first, "id": "evil", "query": "\x1b]0;title\x07 double 5\x9b2J", "answer": "\x1b[2J"}
    (folder / "evil.jsonl").write_text(json.dumps(evil) + "\n", encoding="utf-8")
    assert ste("memory", "import", "evil.jsonl", "--into", "store").code == 0
    for format in ("text", "json", "messages"):
        out = ste("memory", "search", "double 5", "--from", "store", "--unverified", "--format", format).out
        assert "double 5" in out
        assert not [char for char in out if not char.isprintable() and char != "\n"]


def test_verify_takes_changes_of_the_workflow(ste, run):
    result = ste("memory", "verify", "small.yaml", "--from", run, "--set", "nowhere.x=1")
    assert result.code == 2
    assert "nowhere" in result.err
