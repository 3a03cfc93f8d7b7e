"""The paper's tables from what there is of its repository."""

from __future__ import annotations

import json
import shutil

import pytest

from ste_graph.scoring.paper.published import TABLES


@pytest.fixture
def checkout(tmp_path, data):
    """A checkout with two of the prediction files, and the batches."""
    results, metadata = tmp_path / "STE" / "saved_results", tmp_path / "STE" / "tool_metadata"
    results.mkdir(parents=True)
    metadata.mkdir()
    for name in ("mistral_FT.json", "llama-7Bf.json"):
        shutil.copyfile(data(f"ste/predictions/{name}"), results / name)
    shutil.copyfile(data("ste/CL_batches.json"), metadata / "CL_batches.json")
    return tmp_path


def test_rows_are_the_papers_to_the_digit_and_absent_files_are_named(checkout, ste):
    found = json.loads(ste("score", "--paper", checkout, "--format", "json").out)
    rows = {line["file"]: line for line in found["tables"]["Main results"]}
    assert [name for name, line in rows.items() if line["same"]] == ["llama-7Bf.json", "mistral_FT.json"]
    assert set(found["missing"]) == {row.file for table in TABLES for row in table.rows} - set(rows) | (
        set(rows) - {"llama-7Bf.json", "mistral_FT.json"}
    )
    assert found["missing"]["gpt4.json"] == "not in the checkout"
    assert rows["llama-7Bf.json"]["tolerant"]["wellformed"]["count"] == [661, 661]
    assert rows["gpt4.json"]["stored"] is None


def test_the_tables_stand_beside_one_another_as_markdown(checkout, ste):
    result = ste("score", "--paper", checkout)
    assert result.code == 0
    lines = result.out.splitlines()
    (row,) = [line for line in lines if "Mistral" in line and "fine-tuned" in line]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "Mistral-Instruct-7B", "fine-tuned", "99.1 / 95.8 / 76.8", "same", "99.1 / 95.8 / 78.5", "99.1 / 95.8 / 78.5",
    ]  # fmt: skip
    assert "2 of 2 rows with a file are the paper's to the digit, by the labels in it." in lines
    assert "- gpt35.json: not in the checkout" in lines


def test_other_files_and_damaged_ones_are_named(checkout, ste):
    results = checkout / "STE" / "saved_results"
    (results / "llama-7Bf.json").rename(results / "mine.json")
    (results / "gpt4.json").write_text('{"a": [')
    (results / "gpt35.json").write_text('{"a": [{"query": "x", "action_input": "{}", "model_output": "", "err": 1}]}')
    found = json.loads(ste("score", "--paper", checkout, "--format", "json").out)
    assert list(found["others"]) == ["mine.json"]
    assert found["missing"]["gpt4.json"].startswith(f"{results / 'gpt4.json'}: not JSON: ")
    assert "a #0: has no label `no_call`" in found["missing"]["gpt35.json"]


def test_without_the_batches_only_whole_rounds_are_scored(checkout, ste):
    results = checkout / "STE" / "saved_results"
    shutil.copyfile(results / "llama-7Bf.json", results / "llama-7Bf_FT_flan.json")
    shutil.rmtree(checkout / "STE" / "tool_metadata")
    found = json.loads(ste("score", "--paper", results, "--format", "json").out)
    assert found["missing"]["CL_batches.json"] == "not in the checkout (STE/tool_metadata)"
    (together,) = (lines for name, lines in found["tables"].items() if name.startswith("All batches"))
    assert [line["same"] for line in together] == [None, None, None, None, False]


def test_a_folder_that_is_no_checkout_is_refused(ste, tmp_path):
    result = ste("score", "--paper", tmp_path)
    assert (result.code, result.err) == (
        2,
        f"{tmp_path}: no folder STE/saved_results found; give a checkout of "
        "https://github.com/microsoft/simulated-trial-and-error\n",
    )
    (tmp_path / "saved_results").mkdir()
    result = ste("score", "--paper", tmp_path)
    assert (result.code, result.err) == (2, f"{tmp_path / 'saved_results'}: no prediction file (*.json) found\n")
