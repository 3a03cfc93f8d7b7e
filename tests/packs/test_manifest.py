"""A pack that is not whole, or not of this version, is refused in one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.memory import ExemplarStore
from ste_graph.packs.manifest import MANIFEST, write_pack
from ste_graph.packs.pack import open_pack
from tests.memory.run_folder import write_run


def change_manifest(pack, **changes) -> None:
    plain = json.loads((pack.path / MANIFEST).read_text("utf-8"))
    (pack.path / MANIFEST).write_text(json.dumps({**plain, **changes}), "utf-8")


REMADE = "from its author, or make it again from its run: ste pack make RUN --force --out"


def refusal(path, way: str = f"get it again {REMADE}") -> str:
    with pytest.raises(WorkflowError) as caught:
        open_pack(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(f"{way} {path}")
    return text


@pytest.mark.parametrize(
    ("format", "age", "way"),
    [(0, "an older", "get it again"), (99, "a newer", "install a newer version, or get it again")],
)
def test_a_pack_of_another_version_is_refused(pack, format, age, way) -> None:
    change_manifest(pack, format=format)
    made = f"was made by {age} version of ste-graph (format {format}, expected 1); {way}"
    assert made in refusal(pack.path)


@pytest.mark.parametrize("name", ["SKILL.md", "evidence.json", "exemplars.jsonl", "fingerprints.json"])
def test_a_pack_without_a_file_is_torn(pack, name) -> None:
    (pack.path / name).unlink()
    assert f"this pack is torn: {name} is missing" in refusal(pack.path)


def test_a_pack_without_its_manifest_is_torn_also_where_a_store_is_wanted(pack) -> None:
    (pack.path / MANIFEST).unlink()
    assert "this pack is torn: its pack.json is missing" in refusal(pack.path)
    with pytest.raises(WorkflowError, match="this pack is torn"):
        ExemplarStore.open(pack.path)


@pytest.mark.parametrize("name", ["exemplars.jsonl", "descriptions.json", "evidence.json", "mcpchecker/eval.yaml"])
def test_an_edit_by_hand_is_noticed_by_one_byte(pack, name) -> None:
    data = bytearray((pack.path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (pack.path / name).write_bytes(data)
    assert f"was edited: {name} was changed since the pack was made" in refusal(pack.path)


def test_a_verdict_that_is_edited_in_the_manifest_is_noticed(make_pack) -> None:
    pack = make_pack(adopted=False)
    change_manifest(pack, adopted=True)
    assert "pack.json was changed since the pack was made" in refusal(pack.path)


def test_a_file_that_does_not_belong_is_named_and_a_repository_around_it_is_not(pack) -> None:
    (pack.path / ".git").mkdir()
    (pack.path / ".git" / "config").write_text("x", "utf-8")
    open_pack(pack.path)
    (pack.path / ".env").write_text("KEY=1", "utf-8")
    assert ".env is not part of the pack" in refusal(pack.path, "move what is not part of it out of")
    (pack.path / "SKILL.md").write_text("x", "utf-8")
    assert "SKILL.md was changed since the pack was made, .env is not part of the pack" in refusal(pack.path)


def test_a_damaged_manifest_is_named(pack) -> None:
    (pack.path / MANIFEST).write_text("{", "utf-8")
    assert "pack.json: is damaged" in refusal(pack.path)


def test_a_folder_that_is_no_pack_says_what_was_expected(tmp_path) -> None:
    with pytest.raises(WorkflowError, match=re.escape("is not a pack (it has no pack.json); expected the folder that")):
        open_pack(tmp_path)


def test_a_run_in_place_of_a_pack_is_told_apart(tmp_path) -> None:
    run = write_run(tmp_path / "run")
    with pytest.raises(WorkflowError, match=re.escape(f"it is a run, of which `ste pack make {run} --out PACK` makes")):
        open_pack(run)


def test_a_new_pack_takes_the_place_of_an_old_one_only_by_force_and_nothing_else_s(pack, tmp_path) -> None:
    with pytest.raises(WorkflowError, match="is a pack already; give a new folder with --out, or --force to replace"):
        write_pack(pack.path, pack.manifest, {"SKILL.md": b"new"})
    assert "SKILL.md" in open_pack(pack.path).manifest.files
    write_pack(pack.path, pack.manifest, {"SKILL.md": b"new"}, force=True)
    assert open_pack(pack.path).manifest.files.keys() == {"SKILL.md"}
    assert [path.name for path in tmp_path.iterdir()] == ["everyday"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", "utf-8")
    with pytest.raises(WorkflowError, match="exists and is not a pack"):
        write_pack(tmp_path / "mine", pack.manifest, {"SKILL.md": b"new"}, force=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_torn_pack_is_made_again_in_its_place(pack) -> None:
    (pack.path / MANIFEST).unlink()
    write_pack(pack.path, pack.manifest, {"SKILL.md": b"new"})
    assert open_pack(pack.path).manifest.files.keys() == {"SKILL.md"}


def test_a_write_that_fails_leaves_the_pack_as_it_was(pack, monkeypatch) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    before = open_pack(pack.path).manifest.digest
    monkeypatch.setattr("ste_graph.packs.manifest._write", lambda file, data: fail(file, file))
    with pytest.raises(Exception, match="a pack that was there is as it was"):
        write_pack(pack.path, pack.manifest, {"SKILL.md": b"new"}, force=True)
    assert open_pack(pack.path).manifest.digest == before
    assert [path.name for path in pack.path.parent.iterdir()] == ["everyday"]
