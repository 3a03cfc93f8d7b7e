import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from ste_graph.training.errors import TrainingError, report_full_disk
from ste_graph.training.fitting import fit
from ste_graph.training.rows.row import TrainingRow
from ste_graph.training.settings import LoraSettings, TrainingSettings

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers' and TRL's own making


def test_twenty_steps_lower_the_loss(student: str, rows: list[TrainingRow], tmp_path: Path) -> None:
    fitted = fit(student, rows, tmp_path / "out", TrainingSettings(steps=20, batch_size=8, warmup_steps=2))
    assert fitted.steps == 20
    assert fitted.loss < fitted.first_loss - 0.5
    assert [step for step, _ in fitted.losses] == list(range(2, 21, 2))
    assert (fitted.losses[0][1], fitted.losses[-1][1]) == (fitted.first_loss, fitted.loss)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_training_stops_once_enough_validation_rows_are_answered_exactly(
    student: str, rows: list[TrainingRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        "ste_graph.training.callbacks.Completer.complete_rows",
        lambda self, prompts, tokens, chat: (asked.append(len(prompts)), [""] * len(prompts))[1],
    )
    monkeypatch.setattr(
        "ste_graph.training.callbacks.exactness",
        lambda rows, replies: type("Found", (), {"exact": 0.5 if len(asked) < 2 else 0.9}),
    )
    fitted = fit(
        student, rows, tmp_path / "out", TrainingSettings(steps=20, batch_size=4, until_exact=0.9, eval_steps=3)
    )
    assert (fitted.steps, asked) == (6, [9, 9])


def test_an_interrupted_training_ends_with_the_same_weights_to_the_bit(
    student: str, rows: list[TrainingRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainingSettings(
        steps=12, batch_size=16, warmup_steps=2, save_steps=5
    )  # of six steps an epoch, so that it stops in the second
    whole = fit(student, rows, tmp_path / "whole", settings, seed=3)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ste_graph.training.fitting._save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(student, rows, tmp_path / "broken", settings, seed=3)
    shutil.rmtree(tmp_path / "broken" / "checkpoints" / "checkpoint-12")
    resumed = fit(student, rows, tmp_path / "broken", settings, seed=3)

    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert (whole.resumed_at, resumed.resumed_at) == (0, 10)
    assert resumed.losses == whole.losses
    assert all(bool((first[name] == second[name]).all()) for name in first)


def test_a_loss_that_is_not_finite_stops_the_training_with_the_step_and_the_remedy(
    student: str, rows: list[TrainingRow], tmp_path: Path
) -> None:
    settings = TrainingSettings(steps=20, batch_size=4, learning_rate=1e30, warmup_steps=0)
    message = (
        "step 2 of 20: the loss is nan. Set a smaller `learning_rate` (it is 1e+30) or more `warmup_steps` (they"
        " are 0) and start again"
    )
    with pytest.raises(TrainingError) as fault:
        fit(student, rows, tmp_path / "out", settings)
    assert str(fault.value) == message
    with pytest.raises(TrainingError) as fault:
        fit(student, rows, tmp_path / "saved", settings.model_copy(update={"save_steps": 1}))
    assert str(fault.value) == f"{message}; the last checkpoint before it is in {tmp_path}/saved/checkpoints"


def test_an_adapter_names_its_base_by_an_absolute_path(
    student: str, rows: list[TrainingRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(student).parent)
    fit(Path(student).name, rows, tmp_path / "out", TrainingSettings(steps=2, batch_size=4, lora=LoraSettings(rank=2)))
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == str(Path(student).resolve())


def test_an_adapter_can_be_merged_into_a_whole_model(student: str, rows: list[TrainingRow], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    fit(student, rows, tmp_path / "out", TrainingSettings(steps=2, batch_size=4, lora=LoraSettings(rank=2, merge=True)))
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out").config.model_type == "llama"


def test_only_the_named_layers_are_adapted(student: str, rows: list[TrainingRow], tmp_path: Path) -> None:
    lora = LoraSettings(rank=2, targets=("q_proj", "v_proj"))
    fit(student, rows, tmp_path / "out", TrainingSettings(steps=1, batch_size=4, precision="auto", lora=lora))
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text("utf-8"))
    assert set(config["target_modules"]) == {"q_proj", "v_proj"}


def test_a_missing_base_is_named(rows: list[TrainingRow], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^`.*/nowhere` cannot be loaded; expected a folder with a model"):
        fit(str(tmp_path / "nowhere"), rows, tmp_path / "out")


def test_a_training_without_rows_is_refused(student: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as fault:
        fit(student, [], tmp_path / "out")
    assert str(fault.value) == "there are no rows to train on; expected at least one"


def test_a_full_disk_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as fault, report_full_disk(tmp_path):
        raise RuntimeError("I/O error: No space left on device (os error 28)")
    assert str(fault.value) == (
        f"{tmp_path}: the disk is full. Make room and start again: everything saved before is whole, and the training"
        " goes on from its last checkpoint"
    )
