from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from ste_graph.errors import WorkflowError
from ste_graph.scoring.subject import FormSource, FormsSubject, ModelSubject, Subject, model_digest


def model(folder: Path, weights: bytes = b"weights", config: str = "{}") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(config, "utf-8")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_a_digest_is_that_of_the_model_wherever_its_folder_lies(tmp_path: Path) -> None:
    item, other = model(tmp_path / "one"), model(tmp_path / "other")
    (other / "training.log").write_text("not part of the model", "utf-8")
    assert model_digest(item) == model_digest(other)


@pytest.mark.parametrize("name", ["tokenizer.json", "generation_config.json", "chat_template.jinja", "merges.txt"])
def test_a_digest_differs_where_the_model_is_spoken_to_in_another_way(tmp_path: Path, name: str) -> None:
    item, other = model(tmp_path / "one"), model(tmp_path / "other")
    (other / name).write_text("{}", "utf-8")
    assert model_digest(item) != model_digest(other)


@pytest.mark.parametrize("changed", [{"weights": b"others!"}, {"weights": b"weights\0"}, {"config": "{ }"}])
def test_a_digest_differs_with_every_part_of_the_model(tmp_path: Path, changed: dict[str, str]) -> None:
    assert model_digest(model(tmp_path / "one")) != model_digest(model(tmp_path / "other", **changed))  # type: ignore[arg-type]


def test_a_digest_differs_where_the_same_bytes_are_cut_into_files_differently(tmp_path: Path) -> None:
    item, other = model(tmp_path / "one", b"ab"), model(tmp_path / "other", b"a")
    (item / "next.safetensors").write_bytes(b"c")
    (other / "next.safetensors").write_bytes(b"bc")
    assert model_digest(item) != model_digest(other)


def test_a_folder_without_a_model_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", "utf-8")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(WorkflowError, match=r"is not a model folder: expected `config\.json`"):
            model_digest(folder)


def test_a_subject_is_known_by_its_kind_and_has_just_what_belongs_to_it() -> None:
    adapter: TypeAdapter[Subject] = TypeAdapter(Subject)
    runs = {"exemplars": {"run_id": "1", "run": "a"}, "lessons": {"run_id": "2", "run": "b"}}
    forms = {"exemplars": FormSource(run_id="1", run="a"), "lessons": FormSource(run_id="2", run="b")}
    assert adapter.validate_python({"kind": "forms", "forms": runs}) == FormsSubject(forms=forms)
    assert adapter.dump_python(ModelSubject(path="/m", digest="d")) == {"kind": "model", "path": "/m", "digest": "d"}
    for fault in ({"path": "/m", "digest": "d"}, {"forms": {}}, {"forms": {"skills": {"run_id": "1", "run": "a"}}}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"kind": "forms", **fault})
